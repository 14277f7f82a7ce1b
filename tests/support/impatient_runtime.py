"""The runtime's own program, for which a lost job is lost for good after a second instead of ten minutes."""

from datetime import timedelta

from agent_runtime.program import main
from agent_runtime.upkeep import lost_jobs, scheduler

if __name__ == "__main__":
    for module in (lost_jobs, scheduler):
        vars(module)["LOST_FOR_GOOD_AFTER"] = timedelta(seconds=1)
    main()
