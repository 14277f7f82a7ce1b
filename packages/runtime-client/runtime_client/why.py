"""Why a session waits, failed, was stopped or is lost, and what a person can do about it: in one sentence."""

from collections.abc import Mapping

from runtime_client.how_called import called
from runtime_client.wire import JsonObject

HELP: Mapping[str, str] = {
    "spawn_failed": "is the project folder there, and are the ao-* commands executable? {retry}",
    "nonzero_exit": "{look}; mend the cause, {retry}",
    "signal": "something killed it, often too little memory; {retry}",
    "timed_out": "ask for less, or allow more with --timeout",
    "stalled": "{look}; {retry}",
    "output_limit": "ask for less, or raise the limit",
    "shim_died": "its keeper was killed from outside; {ao} retry {name}",
    "host_rebooted": "the machine restarted while it ran; {ao} retry {name}",
    "launcher_lost": "start its launcher again: for 24 hours the true outcome still corrects this",
    "claim_expired": "it is queued again by itself",
    "queue_expired": "start a launcher that fits, {retry}",
    "gave_way": "answer what it asks (ao questions)",
    "question_expired": "answer what it asks in time (ao questions), {retry}",
    "backend_missing": "install the agent's program on the launcher's machine, {retry}",
    "backend_auth": "log in with the agent's program on the launcher's machine, {retry}",
    "quota_exhausted": "when the account has been renewed: {ao} retry {name}",
    "rate_limited": "in some minutes: {ao} retry {name}",
    "model_overloaded": "its service had too much to do for longer than the job tries; {ao} retry {name}",
    "model_unreachable": "can the launcher's machine reach the model's service? {retry}",
    "budget_exceeded": "raise the limit of the agent or the session, then go on: {ao} resume {name}",
    "context_overflow": "begin a new session with a summary",
    "session_not_found": "begin a new session",
    "host_mismatch": "start the launcher on the session's machine",
    "invalid_parameters": "correct what it names, {retry}",
    "project_dir_refused": "choose another folder, or widen AGENT_LAUNCHER_PROJECT_ROOTS",
    "secret_missing": "put the secret where the blueprint says, on the launcher's machine, {retry}",
    "sandbox_unavailable": "agent-launcher doctor says how to get a sandbox; {retry}",
    "unwitnessed": "{look}",
    "verification_failed": "{look}; go on: {ao} resume {name}",
    "output_invalid": "ask more exactly: {ao} resume {name}",
    "empty_result": "ask more exactly: {ao} resume {name}",
    "stopped_by_user": "go on: {ao} resume {name}",
    "stopped_by_parent": "go on: {ao} resume {name}",
    "cleanup_incomplete": "end the processes that it names on the launcher's machine",
    "internal_error": "a mistake of ours; the log of the runtime or launcher has the cause",
}
_OF_RUNNING = frozenset({"stopping", "launcher_silent", "stalled"})
_HELP_WHILE_RUNNING: Mapping[str, str] = {"stalled": "{look}; end it: {ao} stop {name}"}


def why(session: JsonObject) -> str | None:
    """Return the sentence for a session or a job as the runtime shows it; None where there is nothing to explain."""
    reason, status = session.get("reason"), session.get("status")
    detail = session.get("reason_detail") or session.get("error")
    if status in {"finished", "completed", "not_existent"} or (status == "running" and reason not in _OF_RUNNING):
        return None
    if status == "waiting_input":
        ao, name = called("ao"), session.get("session_name")
        if reason == "not_answered":
            return f"asks: {detail} (answer: {ao} questions {name})"
        return f"the agent asked something (answer: {ao} resume {name})"
    if not reason and not detail:
        return None
    return sentence(reason, detail, str(session.get("session_name")), is_running=status == "running")


def sentence(reason: object, detail: object, name: str, *, is_running: bool = False) -> str:
    """Return a cause with what helps, which for a wait is part of the cause already."""
    cause = str(detail or reason).rstrip().removesuffix(".")
    ao = called("ao")
    look, retry = f"see: {ao} logs {name} --output", f"then: {ao} retry {name}"
    help_ = (
        (_HELP_WHILE_RUNNING if is_running else HELP)
        .get(str(reason), "")
        .format(name=name, ao=ao, look=look, retry=retry)
    )
    return f"{cause} ({help_})" if help_ else cause
