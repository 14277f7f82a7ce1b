"""What is said of what is not there; the same is said to an agent of what is there and none of its business."""

from agent_runtime.domain.errors import NotFound

_SHOWN_CHARACTERS = 60


def shown(text: str) -> str:
    """Make a word of a caller's safe and short enough to stand in a sentence."""
    plain = "".join(character if character.isprintable() else "?" for character in text[: _SHOWN_CHARACTERS + 1])
    return plain if len(plain) <= _SHOWN_CHARACTERS else f"{plain[:_SHOWN_CHARACTERS]}…"


def no_session(name_or_id: str) -> NotFound:
    """Say that there is no such session."""
    return NotFound("session_unknown", f"there is no session '{shown(name_or_id)}'")


def nothing_to_resume(name: str) -> NotFound:
    """Say that there is no session that could be gone on with."""
    return NotFound("session_unknown", f"no session '{shown(name)}' (start it first)")


def no_parent(name: str) -> NotFound:
    """Say that there is no session of the name that stands for the parent."""
    return NotFound(
        "parent_unknown", f"no session '{shown(name)}', which is named as the parent (leave it out, or start it first)"
    )


def no_job(job_id: str) -> NotFound:
    """Say that there is no such job."""
    return NotFound("job_unknown", f"no job '{shown(job_id)}' (it may have been deleted with its session)")


def no_question(question_id: str) -> NotFound:
    """Say that there is no such question."""
    return NotFound(
        "question_unknown", f"no question '{shown(question_id)}' (it may have been deleted with its session)"
    )
