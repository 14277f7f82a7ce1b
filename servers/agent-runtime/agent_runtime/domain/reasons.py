"""Why a job failed, waits or is not over: the closed lists of codes, each with its class or its sentence."""

from enum import StrEnum


class FailureClass(StrEnum):
    """What kind of failure it is, and so whether a further try can help; of `user` none ever does."""

    INFRASTRUCTURE = "infrastructure"
    NETWORK = "network"
    OVERLOADED = "overloaded"
    QUOTA = "quota"
    AGENT = "agent"
    USER = "user"


class Reason(StrEnum):
    """Why an attempt did not complete."""

    SPAWN_FAILED = "spawn_failed"
    NONZERO_EXIT = "nonzero_exit"
    SIGNAL = "signal"
    TIMED_OUT = "timed_out"
    STALLED = "stalled"
    OUTPUT_LIMIT = "output_limit"
    SHIM_DIED = "shim_died"
    HOST_REBOOTED = "host_rebooted"
    LAUNCHER_LOST = "launcher_lost"
    CLAIM_EXPIRED = "claim_expired"
    QUEUE_EXPIRED = "queue_expired"
    QUESTION_EXPIRED = "question_expired"
    GAVE_WAY = "gave_way"
    BACKEND_MISSING = "backend_missing"
    BACKEND_AUTH = "backend_auth"
    QUOTA_EXHAUSTED = "quota_exhausted"
    RATE_LIMITED = "rate_limited"
    MODEL_OVERLOADED = "model_overloaded"
    MODEL_UNREACHABLE = "model_unreachable"
    BUDGET_EXCEEDED = "budget_exceeded"
    CONTEXT_OVERFLOW = "context_overflow"
    SESSION_NOT_FOUND = "session_not_found"
    HOST_MISMATCH = "host_mismatch"
    INVALID_PARAMETERS = "invalid_parameters"
    PROJECT_DIR_REFUSED = "project_dir_refused"
    SECRET_MISSING = "secret_missing"  # noqa: S105 - a code, and no secret
    SANDBOX_UNAVAILABLE = "sandbox_unavailable"
    EMPTY_RESULT = "empty_result"
    UNWITNESSED = "unwitnessed"
    VERIFICATION_FAILED = "verification_failed"
    OUTPUT_INVALID = "output_invalid"
    STOPPED_BY_USER = "stopped_by_user"
    STOPPED_BY_PARENT = "stopped_by_parent"
    CLEANUP_INCOMPLETE = "cleanup_incomplete"
    INTERNAL_ERROR = "internal_error"


class SuccessReason(StrEnum):
    """Why a job counts as completed although its command did not say that its agent ran to its end."""

    EXIT_STATUS_ONLY = "exit_status_only"


BY_EXIT_STATUS = "its command ended with 0, which is all that is known: it does not say how its agent ended"
"""The sentence beside `exit_status_only`."""


class WaitReason(StrEnum):
    """Why a pending job has not been claimed; the value is the `reason` on the wire."""

    NO_LAUNCHER = "no_launcher"
    NO_MATCHING_LAUNCHER = "no_matching_launcher"
    NO_CLIENT = "no_client"
    SESSION_BUSY = "session_busy"
    NO_FREE_SLOT = "no_free_slot"
    AGENT_LIMIT = "agent_limit"
    NOT_BEFORE = "not_before"
    HELD = "held"
    NOT_ANSWERED = "not_answered"
    QUOTA_HELD = "quota_held"
    LAUNCHER_SHORT_OF_MEMORY = "launcher_short_of_memory"
    LAUNCHER_OVERLOADED = "launcher_overloaded"
    LAUNCHER_CANNOT_START_JOBS = "launcher_cannot_start_jobs"
    LAUNCHER_NOT_ANSWERING = "launcher_not_answering"


OF_LAUNCHERS = frozenset(
    {WaitReason.LAUNCHER_SHORT_OF_MEMORY, WaitReason.LAUNCHER_OVERLOADED, WaitReason.LAUNCHER_CANNOT_START_JOBS}
)
"""The reasons that a launcher itself gives for taking no job."""


class OpenReason(StrEnum):
    """Why a job that a launcher has is not over; the value is the `reason` on the wire."""

    STARTING = "starting"
    AT_WORK = "at_work"
    STALLED = "stalled"
    STOPPING = "stopping"
    LAUNCHER_SILENT = "launcher_silent"


_INFRASTRUCTURE = frozenset(
    {
        Reason.SPAWN_FAILED,
        Reason.SHIM_DIED,
        Reason.HOST_REBOOTED,
        Reason.LAUNCHER_LOST,
        Reason.CLAIM_EXPIRED,
        Reason.INTERNAL_ERROR,
    }
)
_QUOTA = frozenset({Reason.QUOTA_EXHAUSTED, Reason.RATE_LIMITED})
_USER = frozenset(
    {
        Reason.STOPPED_BY_USER,
        Reason.STOPPED_BY_PARENT,
        Reason.INVALID_PARAMETERS,
        Reason.PROJECT_DIR_REFUSED,
        Reason.SECRET_MISSING,
        Reason.SANDBOX_UNAVAILABLE,
        Reason.QUEUE_EXPIRED,
        Reason.QUESTION_EXPIRED,
        Reason.GAVE_WAY,
        Reason.BACKEND_MISSING,
        Reason.BACKEND_AUTH,
        Reason.BUDGET_EXCEEDED,
        Reason.CONTEXT_OVERFLOW,
        Reason.SESSION_NOT_FOUND,
        Reason.HOST_MISMATCH,
        Reason.CLEANUP_INCOMPLETE,
    }
)


def failure_class(reason: Reason) -> FailureClass:
    """Put a reason into its class; what is not listed elsewhere is the agent's own doing."""
    if reason in _INFRASTRUCTURE:
        return FailureClass.INFRASTRUCTURE
    if reason in _QUOTA:
        return FailureClass.QUOTA
    if reason in (Reason.MODEL_OVERLOADED, Reason.MODEL_UNREACHABLE):
        return FailureClass.OVERLOADED if reason is Reason.MODEL_OVERLOADED else FailureClass.NETWORK
    return FailureClass.USER if reason in _USER else FailureClass.AGENT
