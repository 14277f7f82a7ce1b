"""What a session changed: how a launcher is asked and answers, and how people see it."""

from typing import Annotated

from pydantic import BaseModel, Field

from agent_runtime.domain.inquiry import Inquiry
from agent_runtime.http.wire.fields import NotBool

_Count = NotBool[Annotated[int, Field(ge=0, le=2**53)]]
FILES_MAX = 1000
PATCH_CHARACTERS_MAX = 512 * 1024


class InquiryWire(BaseModel):
    """A question for what differs in a Git repository; without `until_commit`, up to the folder as it is now."""

    inquiry_id: str
    project_dir: str
    since_commit: str
    until_commit: str | None

    @classmethod
    def of(cls, inquiry: Inquiry) -> "InquiryWire":
        """Show an inquiry to the launcher that is asked."""
        return cls(
            inquiry_id=inquiry.id,
            project_dir=inquiry.project_dir,
            since_commit=inquiry.since_commit,
            until_commit=inquiry.until_commit,
        )


class ChangedFile(BaseModel):
    """One file that differs; the lines are null where it is binary, or too large to be compared."""

    path: Annotated[str, Field(max_length=4096)]
    added: _Count | None = None
    removed: _Count | None = None
    is_untracked: bool = False


class Changes(BaseModel):
    """What differs: all files as far as there is room, and the differences as `git diff` writes them.

    `is_cut` says that the patch ends before the differences do.
    """

    repository: Annotated[str, Field(max_length=4096)] = ""
    files: Annotated[list[ChangedFile], Field(max_length=FILES_MAX)] = Field(default_factory=list)
    files_left_out: _Count = 0
    patch: Annotated[str, Field(max_length=PATCH_CHARACTERS_MAX)] = ""
    is_cut: bool = False


class InquiryAnswerBody(BaseModel):
    """What a launcher found: the changes, or one sentence that says why it cannot tell."""

    launcher_id: str
    error: Annotated[str, Field(max_length=2000)] | None = None
    changes: Changes | None = None


class InquiryTaken(BaseModel):
    """That an answer was taken."""

    ok: bool = True


class ChangesAnswer(Changes):
    """What a session or one of its jobs changed, and between which commits; `until_commit` is null for now."""

    launcher_id: str
    project_dir: str
    since_commit: str
    until_commit: str | None
