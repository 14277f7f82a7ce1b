"""An inquiry: what the runtime asks a launcher about a folder on its machine, as a person looks at a session."""

from dataclasses import dataclass
from datetime import datetime

from agent_runtime.domain.ids import InquiryId, LauncherId


@dataclass(frozen=True)
class Inquiry:
    """A question for what differs in a Git repository, from one commit on.

    Shape:   `until_commit` is the commit up to which is asked; None asks for the folder as it is now.
    """

    id: InquiryId
    launcher_id: LauncherId
    asked_at: datetime
    project_dir: str
    since_commit: str
    until_commit: str | None
