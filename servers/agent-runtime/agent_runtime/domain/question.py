"""A question: what an agent asks of people while it works, and what is said to it.

    open ──► answered    somebody said something, and it was the first
      ├────► expired     nobody did in time; what holds then is what its agent's blueprint says
      └────► withdrawn   its turn is over, or was asked to end

What was answered is handed to the turn that asked, once: `taken_at` says when. What a turn did not take, because it
ended first, is taken by the turn that follows it in the same job and asks the same again.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from agent_runtime.domain.ids import JobId, QuestionId, SessionId
from agent_runtime.domain.json import Json

ASKED_CHARACTERS = 4000


class QuestionKind(StrEnum):
    """What is asked for: leave to use a tool, one of some choices, some words, or the fields of a form."""

    PERMISSION = "permission"
    CHOICE = "choice"
    TEXT = "text"
    FORM = "form"


class QuestionStatus(StrEnum):
    """Where a question stands; one that is not open stays as it is."""

    OPEN = "open"
    ANSWERED = "answered"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class AtExpiry(StrEnum):
    """What holds when nobody has answered in time: no, yes, or no and the end of the turn."""

    DENY = "deny"
    ALLOW = "allow"
    STOP = "stop"


class ParentsPart(StrEnum):
    """What a parent has to do with its child's questions: nothing, it is told, or it is told and may answer."""

    NOTHING = "nothing"
    TOLD = "told"
    MAY_ANSWER = "may_answer"


@dataclass(frozen=True)
class QuestionTerms:
    """What holds for the questions of an agent.

    Units:   `expire_seconds` is how long one may be answered; `give_way_seconds` how long its process waits for that
             before it ends and lets others have its place, None for as long as the question is open.
    """

    expire_seconds: float = 86_400.0
    at_expiry: AtExpiry = AtExpiry.DENY
    parent: ParentsPart = ParentsPart.NOTHING
    give_way_seconds: float | None = None

    def but(self, said: Mapping[str, Json]) -> "QuestionTerms":
        """Return these terms, but for what is said otherwise; `give_way_seconds` may be said to be none."""
        waits = said.get("give_way_seconds") if "give_way_seconds" in said else self.give_way_seconds
        return replace(
            self,
            expire_seconds=float(str(said.get("expire_seconds") or self.expire_seconds)),
            at_expiry=AtExpiry(str(said.get("at_expiry") or self.at_expiry)),
            parent=ParentsPart(str(said.get("parent") or self.parent)),
            give_way_seconds=float(str(waits)) if waits is not None else None,
        )


class Decision(StrEnum):
    """What can be said to a tool."""

    ALLOW = "allow"
    DENY = "deny"


@dataclass(frozen=True, kw_only=True)
class Question:
    """A row of the questions table, as it was read.

    Shape:   `call_id` is the attempt and the asker's own word for it, unique in its job; `fingerprint` is the same for
             questions that ask the same. `answer` holds `decision` and perhaps `message` for a permission, else
             `answer`. With `other_words` it is not held to the choices. `answered_by` is set when somebody said it,
             and None when time did.
    """

    id: QuestionId
    session_id: SessionId
    session_name: str
    root_session_id: SessionId
    job_id: JobId
    attempt: int
    call_id: str
    fingerprint: str
    kind: QuestionKind
    status: QuestionStatus = QuestionStatus.OPEN
    text: str | None = None
    tool: str | None = None
    input: Json = None
    diff: str | None = None
    choices: Json = None
    other_words: bool = False
    form: Json = None
    parents_part: ParentsPart = ParentsPart.NOTHING
    at_expiry: AtExpiry = AtExpiry.DENY
    asked_at: datetime
    expires_at: datetime
    settled_at: datetime | None = None
    answer: Json = None
    answered_by: str | None = None
    taken_at: datetime | None = None


def in_words(question: Question, most: int = ASKED_CHARACTERS) -> str:
    """Say in one or a few lines what is asked, for people and for a parent; of a long one its beginning."""
    asked = question.text or ""
    if question.kind is QuestionKind.PERMISSION:
        shown = json.dumps(question.input, ensure_ascii=False)
        asked = f"may it use {question.tool} with {shown}?" + (f" ({asked})" if asked else "")
    asked = f"{asked[:most]}…" if len(asked) > most else asked
    choices = question.choices if isinstance(question.choices, list) else []
    labels = [str(one.get("label")) for one in choices if isinstance(one, dict)]
    labels += ["…"] if question.other_words else []
    return f"{asked} [{' | '.join(labels)}]" if labels else asked


def fingerprint_of(kind: QuestionKind, *asked: Json) -> str:
    """Give the same short text for all that asks the same."""
    canonical = json.dumps([kind.value, *asked], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()
