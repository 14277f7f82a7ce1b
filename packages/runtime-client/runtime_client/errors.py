"""What can go wrong between a client and the runtime.

RuntimeClientError
├── UsageError                the caller asked for something that cannot be (nothing was sent)
├── CannotPrintError          all went well, but what came of it cannot be written to standard output
├── RuntimeUnreachableError   nobody answered
├── NotTheRuntimeError        somebody answered, but not the runtime
├── UnauthorizedError         the runtime does not know the token
├── UnavailableError          the runtime answered that it cannot now
└── RefusedError              the runtime's own, final refusal
"""

from runtime_client.exit_codes import ExitCode


class RuntimeClientError(Exception):
    """One sentence for a person, one code for a program, one exit status for a shell.

    Shape:   `is_passing` is true where the same call may succeed later without anybody changing the request.
    """

    code = "client_error"
    exit_code = ExitCode.JOB_FAILED
    is_passing = False


class UsageError(RuntimeClientError):
    """What was asked for cannot be done as it was asked."""

    code = "invalid_parameters"
    exit_code = ExitCode.USAGE


class CannotPrintError(RuntimeClientError):
    """Standard output does not take what a command has to say: a full disk, or one that broke."""

    code = "cannot_print"
    exit_code = ExitCode.CANNOT_PRINT


class RuntimeUnreachableError(RuntimeClientError):
    """Nobody answered at the runtime's address, or the answer was cut off.

    Shape:   `was_sent` is true if the request may have arrived.
    """

    code = "runtime_unreachable"
    exit_code = ExitCode.UNREACHABLE
    is_passing = True

    def __init__(self, sentence: str, *, was_sent: bool = False) -> None:
        super().__init__(sentence)
        self.was_sent = was_sent


class NotTheRuntimeError(RuntimeClientError):
    """Something answered that is not the runtime: a proxy's page, or a body that does not parse."""

    code = "not_the_runtime"
    exit_code = ExitCode.UNREACHABLE
    is_passing = True


class UnauthorizedError(RuntimeClientError):
    """The runtime does not accept the token, or wants one."""

    code = "unauthorized"
    exit_code = ExitCode.UNREACHABLE
    is_passing = True


class UnavailableError(RuntimeClientError):
    """The runtime, or something before it, cannot serve this now."""

    code = "unavailable"
    exit_code = ExitCode.TRY_LATER
    is_passing = True


class RefusedError(RuntimeClientError):
    """The runtime understood and refused; asking again will not help."""

    def __init__(self, sentence: str, *, code: str, http_status: int) -> None:
        super().__init__(sentence)
        self.code = code
        self.http_status = http_status
        self.exit_code = _exit_code_of_refusal(http_status)


def _exit_code_of_refusal(http_status: int) -> ExitCode:
    match http_status:
        case 404 | 410:
            return ExitCode.NOT_FOUND
        case 403 | 409 | 412:
            return ExitCode.CONFLICT
        case _:
            return ExitCode.USAGE
