"""Which of the launcher's own variables its jobs may see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

# Without these hardly any program runs; an allow list adds to them.
BASICS: Final = (
    *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "PWD", "TERM", "TMPDIR", "TZ", "LANG", "LANGUAGE", "LC_*"),
    *("XDG_*", "UV_CACHE_DIR", "UV_PYTHON_INSTALL_DIR", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    "AGENT_RUNTIME_CA_FILE",
)


@dataclass(frozen=True, slots=True)
class EnvironmentRule:
    """An allow list and a deny list of names, in which `*` and `?` stand for what they do in file names.

    Shape:   without an allow list everything passes; what the deny list names never does.
    """

    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()

    def passed(self, own: Mapping[str, str]) -> dict[str, str]:
        """Copy what may be seen."""
        return {name: value for name, value in own.items() if self._passes(name)}

    def _passes(self, name: str) -> bool:
        if _is_named(name, self.deny):
            return False
        return not self.allow or _is_named(name, BASICS) or _is_named(name, self.allow)


def _is_named(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
