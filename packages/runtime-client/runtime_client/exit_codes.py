"""What the exit status of every `ao-*` command means."""

from enum import IntEnum


class ExitCode(IntEnum):
    """The exit status of a command; scripts may rely on it."""

    SUCCESS = 0
    JOB_FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    CONFLICT = 4
    UNREACHABLE = 5
    STILL_RUNNING = 6
    STOPPED = 7
    NEEDS_INPUT = 8
    LOST = 9
    CANNOT_PRINT = 74
    TRY_LATER = 75
    INTERRUPTED = 130
    TERMINATED = 143
