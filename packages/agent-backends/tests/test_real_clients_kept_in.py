"""The real clients in our sandbox, and under a blueprint that rejects whatever they would have to ask for."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from agent_backends.blueprint import Bubblewrap
from agent_backends.protocol import Ending, Said, ToolAnswered
from runtime_client.wire import JsonObject
from support.client_rigs import CLAUDE_ACP, CODEX, OPENCODE, ClientBench
from support.lab_server import CALLED, STARTED, lab_server
from support.real_clients import clients_folder

pytestmark = pytest.mark.long

# It asks for nothing unless it is told to; of others, their mode or their sandbox is enough.
OPENCODE_ASKS = {"OPENCODE_PERMISSION": json.dumps({"*": "ask", "read": "allow"})}


@pytest.mark.usefixtures("bubblewrap")
def test_in_a_sandbox_it_works_in_its_project_alone_and_keeps_its_conversation(
    bench: ClientBench, tmp_path: Path
) -> None:
    home, outside = bench.rig.home, tmp_path / "outside"
    outside.mkdir()
    (home / "secret").write_text("hidden-from-it")
    box = Bubblewrap(home, readable=(clients_folder(),))
    writes = "; ".join(f"echo x > {place}" for place in (f"{outside}/x", "/usr/x", "/etc/x", f"{home}/x"))
    command = bench.client.run(f"echo made > inside; {writes}; cat {home}/secret; echo here is the end")

    first = bench.rig.run(bench.rig.turn(f"{command}\nsay: {{{{last}}}}\nthe word is heliotrope", sandbox=box))
    again = bench.rig.run(bench.rig.turn("recall", sandbox=box, resume=first.backend_session_id))

    assert (first.outcome.ending, first.outcome.error) == (Ending.COMPLETED, None)
    assert "here is the end" in first.outcome.result_text
    assert "read-only file system" in first.outcome.result_text.lower()  # each shell has its own way to write it
    assert "hidden-from-it" not in str(first.events)
    assert (bench.rig.project_dir / "inside").read_text() == "made\n"
    assert [path for path in (outside / "x", Path("/usr/x"), Path("/etc/x"), home / "x") if path.exists()] == []
    assert (again.outcome.ending, again.outcome.error) == (Ending.COMPLETED, None)
    assert "heliotrope" in again.outcome.result_text
    assert bench.rig.processes() == []


def test_what_it_would_have_to_ask_for_is_not_done_where_the_blueprint_rejects_it(
    bench: ClientBench, tmp_path: Path
) -> None:
    more = {OPENCODE: OPENCODE_ASKS, CODEX: _folder_of_its_own(bench)}.get(bench.client, {})
    bench.rig.variables = {**bench.rig.variables, **more, "LAB_SECRET": "s"}
    write = bench.client.run("echo made > file; echo ran")
    # In one breath: OpenCode ends its turn at the first that is rejected.
    call = bench.client.call("lab", "whoami", {"greeting": "hi"})

    ran = bench.rig.run(
        bench.rig.turn(
            f"{write}\nand {call}\nsay: that was it",
            options={"permission": "reject"},
            mcp_servers={"lab": lab_server(tmp_path)},
        )
    )

    assert ran.outcome.ending is Ending.COMPLETED or "was rejected" in str(ran.outcome.error)
    assert (tmp_path / STARTED).exists()
    assert not (tmp_path / CALLED).exists()
    assert not (bench.rig.project_dir / "file").exists()
    assert any(isinstance(event, ToolAnswered) for event in ran.events)


class ScriptedPeople:
    """People who deny whatever has the word `denied` in it, and allow the rest."""

    has_rules = False

    def __init__(self) -> None:
        self.asked: list[JsonObject] = []
        self.gave_way = asyncio.Event()

    async def ask(self, asked: JsonObject) -> Said:
        """Answer at once."""
        self.asked.append(asked)
        if asked["kind"] == "form":
            return Said(answer={"port": 8080})
        return Said("deny" if "denied" in str(asked["input"]) else "allow")


@pytest.mark.parametrize("bench", [CODEX, OPENCODE, CLAUDE_ACP], indirect=True, ids=lambda client: client.name)
def test_what_it_asks_is_put_to_people_and_what_they_say_holds(bench: ClientBench) -> None:
    more = {OPENCODE: OPENCODE_ASKS, CODEX: _folder_of_its_own(bench)}.get(bench.client, {})
    bench.rig.variables = {**bench.rig.variables, **more}
    people = ScriptedPeople()
    allowed, denied = (bench.client.run(f"echo made > {name}; echo ran") for name in ("allowed", "denied"))
    turn = bench.rig.turn(f"{allowed}\n{denied}\nsay: that was it", options={"permission": "ask"})

    ran = bench.rig.run(replace(turn, people=people))

    assert ran.outcome.ending is Ending.COMPLETED or "was rejected" in str(ran.outcome.error), ran.outcome
    assert (bench.rig.project_dir / "allowed").exists()
    assert not (bench.rig.project_dir / "denied").exists()
    told = [(one["tool"], "allowed" in str(one["input"])) for one in people.asked]
    assert told == [("Bash", True), ("Bash", False)]


@pytest.mark.parametrize("bench", [CODEX], indirect=True, ids=lambda client: client.name)
def test_what_a_server_of_its_own_wants_to_know_is_put_to_people(bench: ClientBench, tmp_path: Path) -> None:
    people = ScriptedPeople()
    call = bench.client.call("lab", "ask_where", {})
    bench.rig.variables = {**bench.rig.variables, **_folder_of_its_own(bench)}
    turn = bench.rig.turn(
        f"{call}\nsay: {{{{last}}}}", options={"permission": "ask"}, mcp_servers={"lab": lab_server(tmp_path)}
    )

    ran = bench.rig.run(replace(turn, people=people))

    assert "accept port=8080" in ran.outcome.result_text, (people.asked, ran.outcome)
    asked = [(one["kind"], one["text"]) for one in people.asked if one["kind"] == "form"]
    assert asked == [("form", "lab: Where to?")]


def _folder_of_its_own(bench: ClientBench) -> dict[str, str]:
    # Its own sandbox is made with programs from below its home, which must not be a folder for what is temporary.
    folder = bench.rig.home / "temporary"
    folder.mkdir(exist_ok=True)
    return {"TMPDIR": str(folder)}
