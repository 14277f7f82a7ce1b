"""What a launcher can run: it gets no job that it cannot run, and whoever waits is told what is amiss where."""

from collections.abc import Mapping

import pytest

from agent_runtime.domain.agent import Blueprint
from agent_runtime.domain.job import Job
from agent_runtime.domain.json import Json
from agent_runtime.domain.launcher import Clients, Launcher
from agent_runtime.services.agents.clients import client_of
from agent_runtime.services.agents.requirements import AgentNeeds
from agent_runtime.services.jobs.default_agent import with_agent
from agent_runtime.services.jobs.orders import create_job
from agent_runtime.services.jobs.waiting import Waiting, explain_waiting
from agent_runtime.services.launchers.claims import Ask, look_for_work
from agent_runtime.services.launchers.presence import Heartbeat, beat
from support.store_rig import StoreRig

HAS: Mapping[str, Json] = {"program": "/bin/codex", "version": "1", "is_signed_in": True}
HAS_NOT: Mapping[str, Json] = {**HAS, "program": None}
SIGNED_OUT: Mapping[str, Json] = {**HAS, "is_signed_in": False}


def needs(name: str) -> AgentNeeds:
    return AgentNeeds(name, active=True, labels={}, client=name)


def ordered(rig: StoreRig, agent_name: str = "codex") -> Job:
    order = rig.order(agent_name=agent_name)
    return rig.do(lambda tx: create_job(tx, order, needs)).job


def taken(rig: StoreRig, launcher: Launcher) -> list[str]:
    found = rig.do(lambda tx: look_for_work(tx, Ask(launcher.id, launcher.epoch, slots=5, batch=5)))
    return [claim.job.id for claim in found.claims]


def wait_of(rig: StoreRig, job: Job) -> Waiting:
    return rig.do(lambda tx: explain_waiting(tx, [job]))[job.id]


def says(rig: StoreRig, launcher: Launcher, clients: Clients | None) -> None:
    rig.do(lambda tx: beat(tx, Heartbeat(launcher.id, launcher.epoch, clients=clients, says_clients=True)))


def test_a_job_goes_only_to_a_launcher_that_has_its_client_and_is_signed_in(rig: StoreRig) -> None:
    without, signed_out, able = (
        rig.launcher(hostname=name, clients={"codex": told})
        for name, told in (("x", HAS_NOT), ("y", SIGNED_OUT), ("z", HAS))
    )
    job = ordered(rig)

    assert (taken(rig, without), taken(rig, signed_out), taken(rig, able)) == ([], [], [job.id])


def test_a_job_that_nobody_can_run_says_what_is_amiss_on_each_host(rig: StoreRig) -> None:
    for name, told in (("x", HAS_NOT), ("y", SIGNED_OUT)):
        rig.launcher(hostname=name, clients={"codex": told})
    rig.launcher(hostname="w", clients={})

    why = wait_of(rig, ordered(rig))

    assert why.reason == "no_client"
    assert why.sentence == (
        "no launcher has 'codex': on w it is still being looked for, on x it is not installed, on y it is not signed in"
        " (install it or sign in there)"
    )


def test_a_launcher_that_says_nothing_or_knows_nothing_of_a_client_gets_its_jobs(rig: StoreRig) -> None:
    silent, other = rig.launcher(), rig.launcher(clients={"claude": HAS_NOT})

    first = ordered(rig)
    assert taken(rig, silent) == [first.id]
    second = ordered(rig)
    assert taken(rig, other) == [second.id]


def test_a_launcher_whose_clients_change_is_woken_and_gets_what_it_can_run_now(rig: StoreRig) -> None:
    launcher = rig.launcher(clients={})
    job = ordered(rig)
    assert taken(rig, launcher) == []
    rig.news.clear()

    says(rig, launcher, {"codex": HAS})

    assert [name for news in rig.news for name in news.launchers] == [launcher.id]
    rig.news.clear()
    says(rig, launcher, {"codex": HAS})
    assert not any(news.launchers for news in rig.news)
    assert taken(rig, launcher) == [job.id]


def test_a_launcher_that_cannot_find_out_takes_every_job_again(rig: StoreRig) -> None:
    launcher = rig.launcher(clients={})
    job = ordered(rig)

    says(rig, launcher, None)

    assert taken(rig, launcher) == [job.id]


@pytest.mark.parametrize(
    ("clients", "chosen"),
    [
        (None, "claude"),
        ({"claude": HAS_NOT, "codex": HAS}, "codex"),
        ({"claude": SIGNED_OUT, "codex": HAS_NOT, "opencode": HAS_NOT, "gemini": HAS}, "gemini"),
        ({"claude": HAS_NOT, "codex": HAS_NOT, "opencode": HAS_NOT, "gemini": HAS_NOT}, None),
        ({}, None),
    ],
)
def test_an_order_without_an_agent_is_for_the_first_one_that_some_launcher_can_run(
    rig: StoreRig, clients: Clients | None, chosen: str | None
) -> None:
    rig.launcher(clients=clients)
    order = rig.order(agent_name=None)

    assert rig.do(lambda tx: with_agent(tx, order, needs, None)).agent_name == chosen
    assert rig.do(lambda tx: with_agent(tx, order, needs, "mine")).agent_name == "mine"


@pytest.mark.parametrize(
    ("blueprint", "client"),
    [
        (Blueprint("codex"), "codex"),
        (Blueprint("acp", command=("opencode", "acp")), "acp opencode"),
        (Blueprint("acp", command=("./own",)), None),
        (Blueprint("command", command=("sh",)), None),
        (Blueprint("claude", options={"client_path": "/opt/claude"}), None),
        (Blueprint("claude", options={"setting_sources": ["user"]}), None),
        (Blueprint("claude", options={"setting_sources": []}), "claude"),
    ],
)
def test_a_blueprint_needs_a_client_where_a_launcher_can_know_of_it(blueprint: Blueprint, client: str | None) -> None:
    assert client_of(blueprint) == client
