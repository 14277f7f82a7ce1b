"""Take up what an earlier launcher of this state folder left behind."""

from __future__ import annotations

import logging
from collections.abc import Callable

from lib.housekeeping import KEEP_ACKED_SECONDS
from lib.job_process import JobProcess
from lib.machine import Machine
from lib.outbox import Delivery, Outbox
from lib.registry import RunningJobsRegistry
from lib.run_directory import RunsFolder, RunState

log = logging.getLogger("agent-launcher")


def recover(
    runs: RunsFolder,
    registry: RunningJobsRegistry,
    outbox: Outbox,
    watch: Callable[[JobProcess], None],
    machine: Machine,
) -> None:
    """Adopt what runs, and put everything else that is not acknowledged into the outbox."""
    runs.prune(KEEP_ACKED_SECONDS, machine.wall_time())
    for run in runs.all():
        state = run.state()
        if state is RunState.ACKED:
            continue
        if state is RunState.RUNNING:
            process = JobProcess(run, machine=machine)
            registry.add_job(run.job.job_id, process)
            watch(process)
            log.info(
                "job adopted job_id=%s attempt=%d session=%s",
                run.job.job_id,
                run.job.attempt_number,
                run.job.session_name,
            )
        else:
            log.info("job taken up job_id=%s attempt=%d state=%s", run.job.job_id, run.job.attempt_number, state.value)
            outbox.put(Delivery(run, machine=machine, may_begin=state is RunState.NEVER_STARTED))


class Settling:
    """Moves an ended job from the registry to the outbox."""

    def __init__(
        self, registry: RunningJobsRegistry, outbox: Outbox, freed: Callable[[], None], machine: Machine | None = None
    ) -> None:
        self._machine = machine or Machine()
        self._registry = registry
        self._outbox = outbox
        self._freed = freed

    def settle(self, process: JobProcess) -> None:
        """Hand an ended attempt to the reporter and free its place."""
        delivery = Delivery(process.run, process.log, self._machine)
        if process.is_dropped:
            delivery.drop_reason = "fenced_off"
        # In this order: at every moment it is in one of the two, and so among what we say that we hold.
        self._outbox.put(delivery)
        self._registry.remove_job(process.run.job.job_id)
        self._freed()
