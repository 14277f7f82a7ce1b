"""Everything the launcher raises on purpose.

LauncherError
├── ConfigurationError        a setting cannot be used; the process ends with code 2
├── StateFolderBusy           another launcher uses the state folder
├── JobRefused                a claim cannot be started here; nothing ran
├── OrderFailed               no keeper took the order of an attempt; nothing ran
├── AttemptAlreadyHere        this very attempt, or another one of its job, is still on this machine
└── CallFailed                a call to the runtime had no usable answer; try again
    ├── CallRejected          the runtime said no to this call, in its own words; trying again would not help
    │   └── CallMissing       this runtime does not have the call; it is left out from then on
    └── IdentityLost          it is about us and not about the call
        ├── LauncherUnknown   the runtime has forgotten us; register again
        └── Superseded        another process has our identity; register once more as a new one, then leave
"""

# ruff: noqa: N818  (the names say what happened, in the words of the wire)


class LauncherError(Exception):
    """Something the launcher knows how to answer."""


class ConfigurationError(LauncherError):
    """A setting cannot be used."""


class StateFolderBusy(LauncherError):
    """Another launcher uses the state folder."""


class JobRefused(LauncherError):
    """A claim cannot be started here, and nothing of it ran; `reason` is the code for the runtime."""

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


class OrderFailed(LauncherError):
    """No keeper took the order of an attempt, so nothing of it ran."""


class AttemptAlreadyHere(LauncherError):
    """This very attempt is already on this machine; it must not be started again."""


class CallFailed(LauncherError):
    """A call had no usable answer: no connection, a timeout, a proxy's page, a 5xx, 401, 403 or 429."""

    def __init__(self, sentence: str, *, status: int | None = None) -> None:
        super().__init__(sentence)
        self.status = status


class CallRejected(CallFailed):
    """The runtime answered a typed 4xx of its own; only this is final."""

    def __init__(self, sentence: str, *, status: int, code: str, offset: int | None = None) -> None:
        super().__init__(sentence, status=status)
        self.code = code
        self.offset = offset


class CallMissing(CallRejected):
    """The runtime does not have this call."""

    def __init__(self, sentence: str, *, status: int = 404) -> None:
        super().__init__(sentence, status=status, code="call_missing")


class IdentityLost(CallFailed):
    """The runtime answered, and what it said is about this launcher; the call itself may be made again later."""


class LauncherUnknown(IdentityLost):
    """The runtime has no launcher of our id."""


class Superseded(IdentityLost):
    """Another process registered with our identity after us."""
