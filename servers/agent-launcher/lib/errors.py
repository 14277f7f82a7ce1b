"""Everything the launcher raises on purpose.

LauncherError
├── ConfigurationError        a setting cannot be used; the process ends with code 2
├── StateFolderBusy           another launcher uses the state folder
├── JobRefused                a claim cannot be started here; nothing ran
├── SpawnFailed               the shim of an attempt did not come up
├── AttemptAlreadyHere        this very attempt, or another one of its job, is still on this machine
└── CallFailed                a call to the runtime had no usable answer; try again
    └── CallRejected          the runtime said no, in its own words; trying again would not help
        ├── LauncherUnknown   it has forgotten us; register again
        └── Superseded        another process has our identity; leave without touching anything
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


class SpawnFailed(LauncherError):
    """The shim of an attempt did not come up, so nothing of the attempt ran."""


class ForkRefused(SpawnFailed):
    """The machine has no process to give at the moment; nothing is wrong with the job."""


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


class LauncherUnknown(CallRejected):
    """The runtime has no launcher of our id."""


class Superseded(CallRejected):
    """Another process registered with our identity after us."""
