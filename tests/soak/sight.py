"""What tests of the checker do: order jobs of a broken product, and wait until the checker says what is wrong."""

import json
from dataclasses import dataclass, field

from support.checker import violations
from support.evidence import Circumstances, collect
from support.launcher_process import LauncherProcess
from support.ledger import Ledger
from support.project import Project
from support.runtime_api import RuntimeApi
from support.waiting import NeverCameTrueError, wait_until


@dataclass
class Sight:
    """One launcher, its jobs, and the checker's view of them; `name` is one that nobody shares."""

    api: RuntimeApi
    launcher: LauncherProcess
    project: Project
    ledger: Ledger
    name: str
    agent: str = "echo"
    jobs: list[str] = field(default_factory=list)

    def order(self, script: dict[str, object], **fields: object) -> str:
        """Order a job of our agent in a session of its own."""
        fields = {"agent_name": self.agent, "project_dir": str(self.project.work), **fields}
        self.jobs.append(self.api.create_job(f"{self.name}-{len(self.jobs)}", json.dumps(script), **fields))
        return self.jobs[-1]

    def resume(self) -> str:
        """Order the next job of our first session."""
        self.jobs.append(self.api.create_job(f"{self.name}-0", "{}", type="resume_session"))
        return self.jobs[-1]

    def run(self, script: dict[str, object], **fields: object) -> None:
        """Start the launcher, and run a job to its end."""
        self.launcher.start()
        self.api.wait_for_end(self.order(script, **fields))

    def breaches(self, circumstances: Circumstances) -> list[str]:
        """What the checker finds now."""
        return violations(collect(self.api, self.ledger, self.jobs, circumstances))

    def sees(self, sentence: str, **circumstances: object) -> bool:
        """Whether the checker comes to say so; what it says instead is in the error."""
        around = Circumstances(**circumstances)  # type: ignore[arg-type]  # the tests name its fields
        try:
            return wait_until(
                lambda: any(sentence in breach for breach in self.breaches(around)), sentence, 20.0, look_every=0.1
            )
        except NeverCameTrueError as error:
            raise AssertionError(f"{error}; it says {self.breaches(around)}") from None
