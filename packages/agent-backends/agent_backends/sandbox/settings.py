"""The sandbox that a blueprint asks for, read strictly: what is not understood keeps the agent from running."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from agent_backends.blueprint import Bubblewrap, Sandbox, Wrapper
from agent_backends.protocol import CannotRunError
from runtime_client.reasons import Reason
from runtime_client.wire import Json

BUBBLEWRAP = "bubblewrap"
_OF_BUBBLEWRAP = frozenset({"kind", "network", "readable", "writable"})


@dataclass(frozen=True)
class Neighbourhood:
    """What a sandbox on this machine has to know of it.

    Shape:   `needed` are folders of ours that agents use, `hidden` those that no agent is to see.
    """

    home: Path
    needed: tuple[Path, ...] = ()
    hidden: tuple[Path, ...] = ()


def sandbox_of(agent_name: str, asked: Json, around: Neighbourhood) -> Sandbox | None:
    """Read what a blueprint says of its sandbox; None if it asks for none.

    Errors:  CannotRunError.
    """
    return None if asked is None else _Reader(agent_name, around).read(asked)


class _Reader:
    def __init__(self, agent_name: str, around: Neighbourhood) -> None:
        self._agent_name = agent_name
        self._around = around

    def read(self, asked: Json) -> Sandbox:
        if asked == BUBBLEWRAP:
            return self._bubblewrap({})
        if isinstance(asked, Mapping) and asked.get("kind") == BUBBLEWRAP and set(asked) <= _OF_BUBBLEWRAP:
            return self._bubblewrap(asked)
        if isinstance(asked, Mapping) and set(asked) == {"command"} and (words := self._texts(asked, "command")):
            return Wrapper(words)
        return self._refuse("expected 'bubblewrap', an object of that 'kind', or one with a 'command'")

    def _bubblewrap(self, asked: Mapping[str, Json]) -> Bubblewrap:
        has_network = asked.get("network", True)
        if not isinstance(has_network, bool):
            self._refuse("expected 'network' to be true or false")
        return Bubblewrap(
            has_network=has_network,
            readable=self._paths(asked, "readable"),
            writable=self._paths(asked, "writable"),
            home=self._around.home,
            needed=self._around.needed,
            hidden=self._around.hidden,
        )

    def _paths(self, asked: Mapping[str, Json], field: str) -> tuple[Path, ...]:
        return tuple(self._path(word, field) for word in self._texts(asked, field))

    def _path(self, word: str, field: str) -> Path:
        path = self._around.home / word[2:] if word.startswith("~/") else Path(word)
        if not path.is_absolute():
            self._refuse(f"expected paths from '/' or '~/' in {field!r}, found {word!r}")
        return path

    def _texts(self, asked: Mapping[str, Json], field: str) -> tuple[str, ...]:
        found = asked.get(field, ())
        words = () if isinstance(found, str) or not isinstance(found, Sequence) else found
        texts = tuple(word for word in words if isinstance(word, str) and "\0" not in word)
        if isinstance(found, str) or not isinstance(found, Sequence) or len(texts) != len(found):
            self._refuse(f"expected {field!r} to be a list of texts")
        return texts

    def _refuse(self, sentence: str) -> NoReturn:
        raise CannotRunError(
            Reason.SANDBOX_UNAVAILABLE,
            f"cannot run agent {self._agent_name!r}: its sandbox is not understood: {sentence}",
        )
