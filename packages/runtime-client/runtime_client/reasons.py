"""Why a job failed: the codes that the runtime stores and that programs may act on."""

from enum import StrEnum


class Reason(StrEnum):
    """A failure's stable code; the sentence beside it is for people."""

    SPAWN_FAILED = "spawn_failed"
    NONZERO_EXIT = "nonzero_exit"
    SIGNAL = "signal"
    TIMED_OUT = "timed_out"
    STALLED = "stalled"
    OUTPUT_LIMIT = "output_limit"
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
    VERIFICATION_FAILED = "verification_failed"
    OUTPUT_INVALID = "output_invalid"
    GAVE_WAY = "gave_way"
    STOPPED_BY_USER = "stopped_by_user"
    CLEANUP_INCOMPLETE = "cleanup_incomplete"
    INTERNAL_ERROR = "internal_error"
