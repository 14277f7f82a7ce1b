"""What launchers call: register, poll, report, send output, say that they live, leave."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import BaseModel

from agent_runtime.domain.errors import Conflict, Problem
from agent_runtime.domain.ids import JobId, LauncherId
from agent_runtime.domain.job import Job, JobStatus
from agent_runtime.http.wire.answers import answer, answer_for, answers_together, documented
from agent_runtime.http.wire.changes import InquiryWire
from agent_runtime.http.wire.clients import clients_by_name
from agent_runtime.http.wire.launchers import (
    AdoptWire,
    AttemptBody,
    DeclinedBody,
    DropWire,
    HeartbeatAnswer,
    HeartbeatBody,
    JobState,
    LauncherList,
    LauncherWire,
    LogOffset,
    OneReport,
    RegisterAnswer,
    RegisterBody,
    ReportBody,
    ReportsAnswer,
    ReportsBody,
    attempts_at_launcher,
    launcher_wire,
)
from agent_runtime.http.wire.polls import JobForLauncher, PollAnswer, PollQuery
from agent_runtime.services.access.callers import Caller, Role, SessionTokens, is_foreign_launcher
from agent_runtime.services.launchers.claims import announce_stops
from agent_runtime.services.launchers.instances import Instance
from agent_runtime.services.launchers.logs import append_log
from agent_runtime.services.launchers.parked_polls import ParkedPolls
from agent_runtime.services.launchers.polling import Polling
from agent_runtime.services.launchers.presence import (
    Heartbeat,
    Registered,
    Registration,
    beat,
    register,
    remove_launcher,
    set_draining,
)
from agent_runtime.services.launchers.reports import Proof, Report, Reported, decline, finish, start
from agent_runtime.services.ports.queries import LogChunk
from agent_runtime.services.ports.store import Store, Transaction

HEARTBEAT_INTERVAL_SECONDS = 60
POLL_ENDPOINT = "/launcher/jobs"
REPORT_ENDPOINT = "/launcher/reports"


@dataclass(frozen=True)
class LauncherRoutes:
    """`/launcher/…` for launchers, `/launchers` for those who look at them."""

    store: Store
    polls: ParkedPolls
    session_tokens: SessionTokens
    poll_timeout_seconds: float
    traceparent: Callable[[Job], str | None] = lambda _job: None
    """What a job's agent is told of the trace that it belongs to."""

    def router(self) -> APIRouter:
        """List the routes."""
        routes = APIRouter(tags=["launchers"])
        self._add_calls(routes)
        self._add_looks(routes)
        return routes

    def _add_calls(self, routes: APIRouter) -> None:
        """Add what launchers call."""

        def add(
            path: str, call: Callable[..., object], model: type[BaseModel], summary: str, method: str = "POST"
        ) -> None:
            refusals = documented(404, 409, 422, body=method == "POST")
            routes.add_api_route(
                path, call, methods=[method], response_model=model, summary=summary, responses=refusals
            )

        one = "/launcher/jobs/{job_id}"
        add("/launcher/register", self.register, RegisterAnswer, "Come in, and say what runs already")
        routes.add_api_route(
            POLL_ENDPOINT,
            self.poll,
            methods=["GET"],
            response_model=PollAnswer,
            summary="Wait for a job or a stop",
            responses={204: {"description": "There was nothing in the time"}, **documented(404, 409, 422)},
        )
        add(f"{one}/started", self.started, JobState, "Ask whether an attempt may begin")
        add(f"{one}/completed", self.completed, JobState, "Report that an attempt ended well")
        add(f"{one}/failed", self.failed, JobState, "Report that an attempt failed")
        add(f"{one}/stopped", self.stopped, JobState, "Report that an attempt was stopped")
        add(f"{one}/declined", self.declined, JobState, "Give a claim back of which nothing ran")
        add(f"{one}/log", self.log, LogOffset, "Send the next bytes of an attempt's output")
        add(REPORT_ENDPOINT, self.reports, ReportsAnswer, "Say of several attempts that they start or ended")
        add("/launcher/heartbeat", self.heartbeat, HeartbeatAnswer, "Say that a launcher lives, and what it holds")

    def _add_looks(self, routes: APIRouter) -> None:
        """Add what is called by those who look at launchers."""
        one = "/launchers/{launcher_id}"
        for path, call, method, summary in (
            ("/launchers", self.list, "GET", "List the launchers"),
            (one, self.remove, "DELETE", "Let a launcher leave for good"),
            (f"{one}/drain", self.drain, "POST", "Give a launcher no new jobs"),
            (f"{one}/resume", self.resume, "POST", "Give a launcher jobs again"),
        ):
            model = LauncherList if path == "/launchers" else LauncherWire
            routes.add_api_route(
                path, call, methods=[method], response_model=model, summary=summary, responses=documented(404, 422)
            )

    async def register(self, request: Request, body: RegisterBody | None = None) -> Response:
        """Take a launcher in, and decide about what it has."""
        given = body or RegisterBody()
        registration = Registration(
            launcher_id=LauncherId(given.launcher_id) if given.launcher_id is not None else None,
            name=given.name,
            hostname=given.hostname,
            boot_id=given.boot_id,
            version=given.version,
            labels=given.labels,
            max_jobs=given.max_jobs,
            backends=given.backends,
            clients=clients_by_name(given.clients),
            holding=attempts_at_launcher(given.holding),
            only_own_jobs=given.only_own_jobs,
            instance=Instance(given.instance.id, given.instance.call, given.instance.began)
            if given.instance is not None
            else None,
        )
        caller: Caller = request.state.caller

        def take_in(tx: Transaction) -> Registered:
            named = registration.launcher_id
            is_foreign = named is not None and is_foreign_launcher(tx, caller, named)
            registered = register(tx, replace(registration, launcher_id=None) if is_foreign else registration)
            if caller.role is Role.LAUNCHER:
                tx.access.own(registered.launcher.id, caller.name)
            return registered

        taken = await self.store.write(take_in)
        return answer(
            RegisterAnswer(
                launcher_id=taken.launcher.id,
                epoch=taken.launcher.epoch,
                poll_endpoint=POLL_ENDPOINT,
                report_endpoint=REPORT_ENDPOINT,
                poll_timeout_seconds=self.poll_timeout_seconds,
                heartbeat_interval_seconds=HEARTBEAT_INTERVAL_SECONDS,
                adopt=[AdoptWire(**vars(item)) for item in taken.adopt],
                drop=[DropWire(**vars(item)) for item in taken.drop],
            )
        )

    async def poll(
        self,
        request: Request,
        asked: Annotated[PollQuery, Query()],
    ) -> Response:
        """Wait for a job or a stop; 204 when there was none."""
        wait_seconds = self.poll_timeout_seconds if asked.wait is None else min(asked.wait, self.poll_timeout_seconds)
        found = await Polling(self.store, self.polls).poll(asked.ask(), wait_seconds, lambda: _gone(request))
        if found is None or not (found.claims or found.stop_jobs or found.inquiries):
            return Response(status_code=204)
        if found.inquiries:
            return answer(PollAnswer(inquiries=[InquiryWire.of(one) for one in found.inquiries]))
        if found.stop_jobs:
            return answer(PollAnswer(stop_jobs=[job.id for job in found.stop_jobs]))
        jobs = [JobForLauncher.of(claim, self.session_tokens, self.traceparent(claim.job)) for claim in found.claims]
        return answer(PollAnswer(job=jobs[0]) if asked.batch is None else PollAnswer(job=jobs[0], jobs=jobs))

    async def started(self, job_id: str, body: AttemptBody) -> Response:
        """Ask whether an attempt may begin."""
        return await self._start(body.proof(job_id))

    async def completed(self, job_id: str, body: ReportBody) -> Response:
        """Report that the process ended well."""
        return await self._finish(body.report(job_id, JobStatus.COMPLETED))

    async def failed(self, job_id: str, body: ReportBody) -> Response:
        """Report that the process failed."""
        return await self._finish(body.report(job_id, JobStatus.FAILED))

    async def stopped(self, job_id: str, body: ReportBody) -> Response:
        """Report that the process was ended because that was asked."""
        return await self._finish(body.report(job_id, JobStatus.STOPPED))

    async def reports(self, body: ReportsBody) -> Response:
        """Take what would be several calls, and answer each as if it had come alone."""
        return answers_together(await asyncio.gather(*(self._one(body.launcher_id, report) for report in body.reports)))

    async def declined(self, job_id: str, body: DeclinedBody) -> Response:
        """Give a claim back of which nothing ran."""
        job = await self.store.write(lambda tx: decline(tx, body.proof(job_id), body.reason, body.error))
        return answer(JobState(job_id=job.id, status=job.status))

    async def log(
        self,
        request: Request,
        job_id: str,
        offset: Annotated[int, Query(ge=0)],
        x_launcher_id: Annotated[str, Header()],
        x_job_attempt: Annotated[int | None, Header()] = None,
        x_job_token: Annotated[str | None, Header()] = None,
        x_log_skip: Annotated[bool, Header()] = False,
    ) -> Response:
        """Keep the next bytes of an attempt's output."""
        proof = Proof(JobId(job_id), LauncherId(x_launcher_id), x_job_attempt, x_job_token)
        chunk = LogChunk(offset, await request.body())
        offset = await self.store.write(lambda tx: append_log(tx, proof, chunk, skips=x_log_skip))
        return answer(LogOffset(offset=offset))

    async def heartbeat(self, body: HeartbeatBody) -> Response:
        """Say that a launcher lives."""
        heartbeat = Heartbeat(
            LauncherId(body.launcher_id),
            body.epoch,
            attempts_at_launcher(body.holding),
            body.unreported,
            clients_by_name(body.clients),
            says_clients="clients" in body.model_fields_set,
        )

        def beat_and_stops(tx: Transaction) -> HeartbeatAnswer:
            drop = beat(tx, heartbeat)
            stops = announce_stops(tx, heartbeat.launcher_id, always=True)
            return HeartbeatAnswer(stop_jobs=[job.id for job in stops], drop=[DropWire(**vars(item)) for item in drop])

        return answer(await self.store.write(beat_and_stops))

    async def list(self) -> Response:
        """List the launchers."""

        def read(tx: Transaction) -> LauncherList:
            at_work = tx.jobs.count_at_launchers()
            return LauncherList(
                launchers=[
                    launcher_wire(item, at_work.get(item.id, 0), tx.now, self.polls) for item in tx.launchers.all()
                ]
            )

        return answer(await self.store.read(read))

    async def remove(self, launcher_id: str) -> Response:
        """Let a launcher leave for good."""
        gone = await self.store.write(lambda tx: (remove_launcher(tx, LauncherId(launcher_id)), tx.now))
        return answer(launcher_wire(gone[0], 0, gone[1], self.polls))

    async def drain(self, launcher_id: str) -> Response:
        """Let a launcher take no new job."""
        return await self._set_draining(launcher_id, draining=True)

    async def resume(self, launcher_id: str) -> Response:
        """Let a drained launcher take jobs again."""
        return await self._set_draining(launcher_id, draining=False)

    async def _set_draining(self, launcher_id: str, *, draining: bool) -> Response:
        def change(tx: Transaction) -> LauncherWire:
            launcher = set_draining(tx, LauncherId(launcher_id), draining=draining)
            return launcher_wire(launcher, tx.jobs.count_at_launchers().get(launcher.id, 0), tx.now, self.polls)

        return answer(await self.store.write(change))

    async def _one(self, launcher_id: str, report: OneReport) -> Response:
        try:
            if report.call == "started":
                return await self._start(report.proof_by(launcher_id, report.job_id))
            return await self._finish(report.report_by(launcher_id, report.job_id, JobStatus(report.call)))
        except Problem as problem:
            return answer_for(problem)

    async def _start(self, proof: Proof) -> Response:
        job = await self.store.write(lambda tx: start(tx, proof))
        return answer(JobState(job_id=job.id, status=job.status))

    async def _finish(self, report: Report) -> Response:
        reported = await self.store.write(lambda tx: finish(tx, report))
        if reported.refused is not None:
            raise _refusal(report, reported)
        return answer(JobState(job_id=reported.job.id, status=reported.job.status))


def _refusal(report: Report, reported: Reported) -> Conflict:
    code = reported.refused or "already_ended"
    job = reported.job
    return Conflict(
        code,
        f"cannot take '{report.outcome}' for job '{job.id}': attempt {job.attempt} is the current one and is "
        f"'{job.status}' (the report was kept in the job's events; end the attempt if it still runs)",
    )


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
