"""What can go wrong in a way that the caller can act on.

    Problem
    ├── NotFound        the thing that was named does not exist
    ├── Conflict        it exists, in a state that does not allow this
    ├── Invalid         the request itself makes no sense
    ├── Refused         the caller may not do this
    ├── TooMuch         the caller must come back later
    ├── Unavailable     the store cannot be reached at the moment
    └── Unusable        the store cannot be used: damaged, too new, or not ours

`str(problem)` is the sentence for people; `code` is stable and for programs. The http room turns each
class into a status; nothing else knows about HTTP.
"""

from collections.abc import Mapping


class Problem(Exception):  # noqa: N818 - the word people read; "ProblemError" says it twice
    """Something that the caller can act on, with a stable code.

    Shape:   `facts` are further fields of the answer, for example the right offset of a log.
    """

    def __init__(self, code: str, sentence: str, facts: Mapping[str, int | str] | None = None) -> None:
        super().__init__(sentence)
        self.code = code
        self.facts = dict(facts or {})


class NotFound(Problem):
    """The thing that was named does not exist."""


class Conflict(Problem):
    """The thing exists, in a state that does not allow this."""


class Invalid(Problem):
    """The request makes no sense, whatever the state."""


class Refused(Problem):
    """The caller is known and may not do this."""


class TooMuch(Problem):
    """A limit is reached; the same request may succeed later."""

    def __init__(self, code: str, sentence: str, retry_after_seconds: int) -> None:
        super().__init__(code, sentence)
        self.retry_after_seconds = retry_after_seconds


class TooLarge(Problem):
    """There is no room for this, and there will be none."""


class Unavailable(Problem):
    """The store cannot be reached at the moment; the same request may succeed soon, and asking again is safe."""

    retry_after_seconds = 1


class Unusable(Problem):
    """The store cannot be used as it is, and nothing of it was touched."""
