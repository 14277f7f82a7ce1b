"""The page reads the names that are sent: one that is renamed on one side alone would be missed in silence."""

import pytest

from tidy.events import AGENT_EVENTS, names_read, names_recorded, names_sent
from tidy.tree import Source, page_scripts, python, python_sources, script

# Said by agents that are not ours too, and by none of our backends.
BY_OTHERS = frozenset({"waiting_input"})


def sources_below(folder: str) -> list[Source]:
    return [source for source in python_sources() if str(source.path).startswith(folder)]


def unknown(read: frozenset[str], sent: frozenset[str]) -> list[str]:
    return sorted(read - sent)


@pytest.mark.parametrize("topic", ["job", "session", "callback", "question"])
def test_the_page_reads_names_that_the_runtime_sends(topic: str) -> None:
    told = names_read(page_scripts()).items()
    read = {kind: names for kind, names in told if kind.startswith(f"{topic}.") and kind not in AGENT_EVENTS}
    sent = names_sent(sources_below("servers/agent-runtime/agent_runtime/"))

    assert any(read.values())
    assert {kind: unknown(names, sent[topic]) for kind, names in read.items() if unknown(names, sent[topic])} == {}


def test_the_page_reads_names_that_the_backends_send() -> None:
    read = {kind: names for kind, names in names_read(page_scripts()).items() if kind in AGENT_EVENTS}
    sent = names_recorded(sources_below("packages/agent-backends/agent_backends/"))

    assert {"message", "result", "post_tool"} <= set(read)
    assert {kind: unknown(names, sent[kind] | BY_OTHERS) for kind, names in read.items()} == {kind: [] for kind in read}


def test_the_names_that_a_script_reads_are_found() -> None:
    table = """const TAKERS = {
  session_start(line, { data }) { line.backend = data.backend ?? ""; },
  "job.started": (line, event) => line.run(event, { by: event.data.launcher_id }),
  "callback.expired"(line, event) {
    const { child_session_name: child, reason = "" } = event.data;
  },
};
"""

    assert names_read([script(table)]) == {
        "session_start": {"backend"},
        "job.started": {"launcher_id"},
        "callback.expired": {"child_session_name", "reason"},
    }


def test_the_names_that_are_sent_are_found_wherever_they_are_written() -> None:
    program = """
def tell(tx, name, facts):
    tx.emit(NewEvent(type=name, at=tx.now, data=facts))

def tell_child(tx, child, name):
    tx.emit(NewEvent.of_session(child, name, {"why": child.why}))

def move(tx, job):
    tell(tx, _name(job), _facts(job))

def _name(job):
    return f"job.{job.status}"

def _facts(job):
    facts = {"reason": job.reason}
    facts["error"] = job.error
    return facts

def expire(tx, child):
    changes = {"reason": child.reason}
    tell_child(tx, store(tx, changes), "callback.expired")

def spend(tx):
    facts = {"limit": 1}
    tx.emit(NewEvent(type="session.budget_exceeded", data={**facts, "spent": 2}))
"""

    assert names_sent([python(program)]) == {
        "job": {"reason", "error"},
        "callback": {"why"},
        "session": {"limit", "spent"},
    }
