"""A job that asks for more than a good end completes only with the word of whoever checked it."""

import pytest
from pydantic import ValidationError

from agent_runtime.domain.errors import Conflict
from agent_runtime.domain.job import Job, JobStatus, JobType
from agent_runtime.domain.json import Json
from agent_runtime.domain.permissions import read_permissions
from agent_runtime.http.wire.jobs import JobBody
from agent_runtime.services.agents.blueprint_checks import checked_schema
from agent_runtime.services.agents.requirements import AgentNeeds
from agent_runtime.services.jobs.admission import refuse_command_unasked
from agent_runtime.services.jobs.orders import create_job
from agent_runtime.services.launchers.reports import Report, finish
from agent_runtime.services.ports.store import Transaction
from agent_runtime.services.sessions.events import GivenEvent, append_events
from agent_runtime.upkeep.queue import free_due_jobs
from support.store_rig import StoreRig, proof

VERIFY: dict[str, Json] = {"verify": {"command": ["make", "test"], "timeout_seconds": 60.0}}


def ends(rig: StoreRig, job: Job, *, checked: bool) -> Job:
    """Report that a job ended well."""
    return rig.do(lambda tx: finish(tx, Report(proof(job), JobStatus.COMPLETED, exit_code=0, is_checked=checked))).job


def test_a_success_that_nobody_checked_is_none_and_one_that_was_checked_is(rig: StoreRig) -> None:
    launcher = rig.launcher()
    rig.create(checks=VERIFY)
    unchecked = rig.run(launcher)
    failed = ends(rig, unchecked, checked=False)
    rig.create(checks=VERIFY)
    checked = ends(rig, rig.run(launcher), checked=True)
    rig.create()
    plain = ends(rig, rig.run(launcher), checked=False)

    assert (failed.status, failed.reason) == (JobStatus.FAILED, "unwitnessed")
    assert "'verify' and 'output_schema'" in str(failed.error)
    assert [one.status for one in (checked, plain)] == [JobStatus.COMPLETED, JobStatus.COMPLETED]
    # The same report once more, as a launcher sends it that heard no answer.
    assert ends(rig, unchecked, checked=False).status is JobStatus.FAILED


def test_a_further_attempt_has_to_prove_its_end_anew(rig: StoreRig) -> None:
    launcher = rig.launcher(hostname="here")
    job = rig.create(checks=VERIFY, max_attempts=2)
    report = Report(proof(rig.run(launcher)), JobStatus.FAILED, "shim_died", "killed while it was verified")
    rig.do(lambda tx: finish(tx, report))
    rig.clock.move(minutes=7)
    rig.do(free_due_jobs)
    again = rig.run(launcher)

    assert again.attempt == 2
    assert rig.do(lambda tx: tx.jobs.checks(job.id)) == {**VERIFY, "verify_attempts": 3}
    assert ends(rig, again, checked=False).reason == "unwitnessed"


def test_an_order_says_more_than_its_agent_and_null_asks_nothing(rig: StoreRig) -> None:
    agent = AgentNeeds("tester", active=True, labels={}, checks={**VERIFY, "verify_attempts": 5})

    def asked(**checks: Json) -> tuple[bool, object]:
        def create(tx: Transaction) -> tuple[bool, object]:
            job = create_job(tx, rig.order(agent_name="tester", checks=checks), lambda _: agent).job
            return job.has_checks, tx.jobs.checks(job.id)

        return rig.do(create)

    assert asked() == (True, {**VERIFY, "verify_attempts": 5})
    assert asked(verify_attempts=0) == (True, {**VERIFY, "verify_attempts": 0})
    assert asked(verify=None) == (False, {})


def test_an_agent_runs_no_command_as_a_verification_that_it_may_not_run_unasked(rig: StoreRig) -> None:
    said = read_permissions({"default": "allow", "ask": ["Bash"], "allow": [], "deny": ["Bash(rm:*)"]})
    held = AgentNeeds("echo", active=True, labels={}, permissions=said)
    free = AgentNeeds("echo", active=True, labels={}, permissions=read_permissions("allow"))
    boxed = AgentNeeds("echo", active=True, labels={}, sandbox="bubblewrap")
    parent = rig.create("parent")

    def order(agent: AgentNeeds, child: AgentNeeds | None = None, /, **checks: Json) -> None:
        asked = rig.order("child", agent_name="child", parent_session_name="parent", checks=checks)
        found = {"echo": agent, "child": child or agent}
        rig.do(lambda tx: refuse_command_unasked(tx, asked, parent.session_id, found.get))

    order(free, **VERIFY)
    order(held, output_schema={})
    order(boxed, **VERIFY)
    with pytest.raises(Conflict, match="'make test': session 'parent' may not run that unasked"):
        order(held, **VERIFY)
    with pytest.raises(Conflict, match="or not outside of its sandbox"):
        order(boxed, free, **VERIFY)


def test_an_output_is_that_of_the_last_result_alone(rig: StoreRig) -> None:
    rig.create()
    job = rig.run(rig.launcher())

    def tell(**data: Json) -> Json:
        def append(tx: Transaction) -> Json:
            session = tx.sessions.get(job.session_id)
            assert session is not None
            append_events(tx, session, [GivenEvent("result", data, job_id=job.id, attempt=job.attempt)])
            changed = tx.sessions.get(job.session_id)
            assert changed is not None
            return changed.output

        return rig.do(append)

    assert tell(text="{}", output={"count": 3, "names": ["\0é"]}) == {"count": 3, "names": ["\0é"]}
    assert tell(text="words") is None
    assert tell(text="false", output=False) is False


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"$ref": "https://example.org/schema.json"}, "may begin with '#' only"),
        ({"properties": {"a": {"$dynamicRef": "file:///etc/passwd"}}}, "may begin with '#' only"),
        ({"definitions": {"A": {}}, "items": {"$ref": "#/$defs/A"}}, "names '#/\\$defs/A', which is not there"),
        ({"type": "nothing"}, "a JSON Schema is expected"),
        ({"pattern": "("}, "is no regular expression"),
        ({"patternProperties": {"a" * 501: {}}}, "at most 500 characters"),
        ({"enum": ["x" * 70_000]}, "at most 65536 bytes"),
        ({"allOf": [{}] * 1000}, "at most 1000 parts is expected, found 1001"),
        ({"anyOf": [True] * 1000}, "at most 1000 parts"),
    ],
)
def test_a_schema_that_is_none_or_would_be_fetched_or_is_huge_is_refused_when_it_is_ordered(
    schema: dict[str, Json], said: str
) -> None:
    with pytest.raises(ValidationError, match=said):
        JobBody.model_validate(
            {"type": JobType.START_SESSION, "session_name": "a", "prompt": "b", "output_schema": schema}
        )


def test_a_schema_as_libraries_write_them_is_taken_and_one_that_is_too_deep_is_not() -> None:
    tree = {"$defs": {"Node": {"properties": {"$ref": {"$ref": "#/$defs/Node"}}}}, "$ref": "#/$defs/Node"}
    odd = {"anyOf": [{}, {"a/b %": {"$ref": "#/anyOf/1/a~1b %25"}}, {"$ref": "#"}]}
    within = {"$defs": {"a": {"$id": "a", "$defs": {"b": {}}, "$ref": "#/$defs/b"}}}
    deep: dict[str, Json] = {}
    for _ in range(50):
        deep = {"items": deep}

    for schema in (tree, odd, within):
        assert checked_schema(schema) == schema  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="at most 40 levels"):
        checked_schema(deep)
