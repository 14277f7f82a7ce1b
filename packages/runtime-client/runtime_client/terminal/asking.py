"""A question before what cannot be undone."""

import sys

from runtime_client.errors import UsageError


def is_agreed(question: str, *, is_agreed_already: bool) -> bool:
    """Ask a person, unless the command line said yes already.

    Errors:  UsageError, if it did not and there is no terminal to ask at.
    """
    if is_agreed_already:
        return True
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(f"nothing was deleted: {question} There is no terminal to ask at (say --yes if you mean it)")
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}
