"""Agents are read from two folders, written to one, and a broken one is shown with what is wrong with it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from agent_runtime.domain.checks import CHECKS
from agent_runtime.services.agents.blueprint_files import BrokenBlueprintError, read_blueprint
from support.desk import Desk, Json, JsonObject, fresh, items, read, refused, text
from support.exchanging import exchanged
from support.runtime_process import RuntimeProcess

READINGS = 3000


@dataclass
class Workshop:
    """A runtime with agent folders of its own."""

    desk: Desk
    shipped: Path
    own: Path

    def write(self, folder: Path, name: str, **files: str | JsonObject) -> None:
        """Put a blueprint on the disk, as a person would."""
        target = folder / name
        target.mkdir(parents=True, exist_ok=True)
        for suffix, content in files.items():
            ending = {"agent": "json", "mcp": "mcp.json", "prompt": "system-prompt.md"}[suffix]
            (target / f"agent.{ending}").write_text(content if isinstance(content, str) else json.dumps(content))

    def listed(self) -> dict[str, JsonObject]:
        """All agents by name."""
        return {text(one["name"]): one for one in items(read(self.desk.get("/agents"))["agents"])}


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RuntimeProcess]:
    folder = tmp_path_factory.mktemp("agents")
    process = RuntimeProcess(folder, {"AGENT_RUNTIME_SHIPPED_AGENTS_DIR": str(folder / "shipped")})
    process.start()
    yield process
    process.stop()


@pytest.fixture
def workshop(started: RuntimeProcess) -> Iterator[Workshop]:
    with Desk(started.url, started.token) as desk:
        yield Workshop(desk, started.folder / "shipped", started.folder / ".agent-orchestrator" / "agents")


def test_a_blueprint_on_disk_is_seen_without_a_restart_and_so_is_its_change(workshop: Workshop) -> None:
    workshop.write(workshop.shipped, "seen", agent={"name": "seen", "command": ["true"], "description": "first"})
    first = workshop.listed()["seen"]

    workshop.write(workshop.shipped, "seen", agent={"name": "seen", "command": ["true"], "description": "second!"})

    assert (first["description"], first["source"], first["backend"]) == ("first", "shipped", "command")
    assert workshop.listed()["seen"]["description"] == "second!"


def test_prompt_and_servers_come_from_their_own_files(workshop: Workshop) -> None:
    servers: JsonObject = {"mcpServers": {"tools": {"command": "x", "env": {"KEY": "${env:KEY}"}}}}
    workshop.write(workshop.shipped, "full", agent={"backend": "claude"}, mcp=servers, prompt="Be kind.")

    agent = read(workshop.desk.get("/agents/full"))

    assert agent["system_prompt"] == "Be kind."
    assert agent["mcp_servers"] == servers["mcpServers"]


def test_the_users_own_agent_wins_over_a_shipped_one(workshop: Workshop) -> None:
    workshop.write(workshop.shipped, "both", agent={"description": "shipped"})
    refused(workshop.desk.post("/agents", {"name": "both", "command": ["true"]}), 409, "agent_exists")

    read(workshop.desk.http.put("/agents/both", json={"description": "mine", "command": ["true"]}), 200)
    mine = workshop.listed()["both"]
    read(workshop.desk.http.delete("/agents/both"))

    assert (mine["description"], mine["source"]) == ("mine", "user")
    assert workshop.listed()["both"]["source"] == "shipped"
    refused(workshop.desk.http.delete("/agents/both"), 409, "agent_shipped")


def test_a_written_agent_is_read_back_as_it_was_given(workshop: Workshop) -> None:
    given: JsonObject = {
        "description": "Ünïcode",
        "backend": "claude",
        "command": ["a", "b c"],
        "model": "m",
        "labels": {"gpu": "yes"},
        "limits": {"max_turns": 3},
        "options": {"effort": "high", "fallback_model": None},
        "system_prompt": "line one\nline two",
        "mcp_servers": {"s": {"url": "http://x"}},
    }

    made = read(workshop.desk.post("/agents", {"name": "whole", **given}), 201)

    assert {key: made[key] for key in given} == given
    assert read(workshop.desk.get("/agents/whole")) == made
    assert json.loads((workshop.own / "whole" / "agent.json").read_text())["name"] == "whole"


ASKED = "/agents/asked"


def test_the_same_word_of_permission_is_kept_for_every_kind_that_can_be_held_to_it(workshop: Workshop) -> None:
    for backend in ("acp", "claude", "codex", "gemini"):
        for permission in ("allow_once", "reject"):
            given = {"backend": backend, "command": ["x"], "options": {"permission": permission}}
            answer = workshop.desk.http.put(f"/agents/{backend}-{permission}", json=given)

            assert read(answer, 201)["options"] == given["options"]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            {"command": ["x"], "options": {"permission": "reject"}},
            "backend 'command' cannot be held to 'permission': any program may do what it likes",
        ),
        (
            {"backend": "gemini", "options": {"permission": "ask"}},
            "option 'permission' of backend 'gemini' can be one of 'allow_once', 'reject', found 'ask'",
        ),
        ({"backend": "codex", "options": {"permission": 1}}, "can be one of 'allow_once', 'reject', found no text"),
        (
            {"backend": "codex", "options": {"permission": "reject", "sandbox_mode": "read-only"}},
            "options 'permission' and 'sandbox_mode' of backend 'codex' say the same (keep one)",
        ),
        ({"backend": "codex", "options": {"permision": "reject"}}, "has no option 'permision' (did you mean"),
        ({"backend": "gemini", "limits": {"max_cost_usd": 5}}, "backend 'gemini' cannot be held to 'max_cost_usd'"),
        ({"backend": "acp", "command": ["x"], "limits": {"max_turns": 5}}, "cannot be held to 'max_turns'"),
    ],
)
def test_what_a_kind_cannot_be_held_to_is_refused_when_it_is_saved_and_when_it_lies_there(
    workshop: Workshop, given: JsonObject, sentence: str
) -> None:
    error = refused(workshop.desk.http.put(ASKED, json=given), 422, "invalid_parameters")
    workshop.write(workshop.shipped, "lies-there", agent=given)

    assert sentence in str(error)
    assert sentence in str(workshop.listed()["lies-there"]["error"])


SANDBOXES: dict[str, Json] = {
    "boxed": "bubblewrap",
    "offline": {"kind": "bubblewrap", "network": False, "readable": ["~/.cargo"], "writable": ["/var/cache/x"]},
    "wrapped": {"command": ["firejail", "--whitelist={project_dir}", "--"]},
}


@pytest.mark.parametrize("name", SANDBOXES)
def test_a_sandbox_is_kept_as_it_was_given(workshop: Workshop, name: str) -> None:
    read(workshop.desk.post("/agents", {"name": name, "command": ["true"], "sandbox": SANDBOXES[name]}), 201)

    assert read(workshop.desk.get(f"/agents/{name}"))["sandbox"] == SANDBOXES[name]
    assert json.loads((workshop.own / name / "agent.json").read_text())["sandbox"] == SANDBOXES[name]


@pytest.mark.parametrize(
    "sandbox",
    [
        *("none", "docker", {}, {"kind": "docker"}, {"kind": "bubblewrap", "netwrok": False}, {"command": []}),
        *({"kind": "bubblewrap", "network": "off"}, {"kind": "bubblewrap", "readable": ["relative"]}, True),
        *({"command": "firejail --"}, {"command": ["x"], "kind": "bubblewrap"}, {"command": ["a\0"]}),
    ],
)
def test_a_sandbox_that_nobody_could_make_is_refused(workshop: Workshop, sandbox: Json) -> None:
    refused(
        workshop.desk.post("/agents", {"name": "odd", "command": ["true"], "sandbox": sandbox}),
        *(422, "invalid_parameters"),
    )


@pytest.mark.parametrize("word", ["--key=${env:KEY}", "${file:/run/key}"])
def test_a_secret_in_a_command_line_is_refused(workshop: Workshop, word: str) -> None:
    refused(
        workshop.desk.post("/agents", {"name": "open", "command": ["true", word]}),
        *(422, "invalid_parameters"),
    )


@pytest.mark.parametrize("name", ["../out", "a/b", ".hidden", "", "ses_x", "x" * 61, "é", "a b"])
def test_a_name_that_is_a_path_or_no_name_is_refused(workshop: Workshop, name: str) -> None:
    refused(workshop.desk.post("/agents", {"name": name, "command": ["true"]}), 422, "invalid_parameters")


def test_a_claude_code_agent_file_is_an_agent(workshop: Workshop) -> None:
    workshop.own.mkdir(parents=True, exist_ok=True)
    front = "name: reviewer\ndescription: Reviews code\ntools: Read, Grep\nmodel: inherit"
    (workshop.own / "reviewer.md").write_text(f"---\n{front}\n---\n\nYou review.\n")
    (workshop.own / "README.md").write_text("# Not an agent\n")

    listed = workshop.listed()

    assert listed["reviewer"]["backend"] == "claude"
    assert listed["reviewer"]["system_prompt"] == "You review."
    assert listed["reviewer"]["options"] == {"allowed_tools": ["Read", "Grep"]}
    assert listed["reviewer"]["model"] is None
    assert "README" not in listed


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ("{", "not JSON"),
        ("[]", "no JSON object"),
        ('{"command": "ls"}', "'command'"),
        ('{"name": "other"}', "must be the same"),
        ('{"limits": {"x": NaN}}', "NaN"),
        (
            '{"command": ["./x"], "limits": {"max_runing": 1}}',
            "no key 'limits.max_runing' (did you mean 'max_running'?)",
        ),
        ('{"command": ["./x"], "limits": {"max_children": "3"}}', "'limits.max_children'"),
        ('{"name": "broken"}', "a 'backend' or a 'command' is expected"),
        ('{"comand": ["./x"]}', "no key 'comand' (did you mean 'command'?)"),
        ('{"command": ["./x"], "Sandbox": "bubblewrap"}', "no key 'Sandbox' (did you mean 'sandbox'?)"),
        ('{"description": "\\ud800"}', "not JSON"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_a_broken_blueprint_is_listed_with_its_error_and_cannot_be_used(
    workshop: Workshop, content: str, word: str
) -> None:
    workshop.write(workshop.own, "broken", agent=content)

    agent = workshop.listed()["broken"]

    assert word in text(agent["error"])
    order: JsonObject = {"type": "start_session", "session_name": "never", "agent_name": "broken", "prompt": "p"}
    refused(workshop.desk.post("/jobs", order), 409, "agent_broken")


def test_a_blueprint_is_what_lies_in_its_folder_while_that_is_exchanged_with_a_link(tmp_path: Path) -> None:
    folder, outside = tmp_path / "agent", tmp_path / "outside"
    for path in (folder, outside):
        path.mkdir()
        (path / "agent.json").write_text(json.dumps({"name": "agent", "description": path.name, "command": ["true"]}))
    (tmp_path / "link").symlink_to(outside)
    told: list[str] = []

    with exchanged(folder, tmp_path / "link", every_seconds=0.00001):
        for _ in range(READINGS):
            try:
                told.append(read_blueprint(folder).description)
            except BrokenBlueprintError:
                told.append("broken")

    assert set(told) == {"agent", "broken"}


@pytest.mark.parametrize(
    ("front", "word"),
    [
        ("name: sheet\ndescription: [a", "not YAML"),
        ("description: 'a: b", "not YAML"),
        ('description: "\\ud800"', "surrogates"),
        ("description: 2024-13-45", "month"),
        ("model: 2024-10-10", "date"),
        ("tools: &a [x]\ndisallowedTools: *a", "aliases"),
    ],
)
def test_an_agent_file_that_cannot_be_read_takes_no_other_agent_from_the_list(
    workshop: Workshop, front: str, word: str
) -> None:
    workshop.write(workshop.shipped, "good", agent={"name": "good", "command": ["true"]})
    workshop.own.mkdir(parents=True, exist_ok=True)
    (workshop.own / "sheet.md").write_text(f"---\n{front}\n---\nwork\n")

    listed = workshop.listed()

    assert listed["good"]["error"] is None
    assert word in text(listed["sheet"]["error"])


def test_a_symbolic_link_is_never_followed(workshop: Workshop, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("top secret")
    workshop.write(workshop.own, "linked", agent={"backend": "claude"})
    (workshop.own / "linked" / "agent.system-prompt.md").symlink_to(secret)
    (workshop.own / "elsewhere").symlink_to(tmp_path, target_is_directory=True)

    listed = workshop.listed()

    assert "symbolic link" in text(listed["linked"]["error"])
    assert "symbolic link" in text(listed["elsewhere"]["error"])
    refused(workshop.desk.http.put("/agents/elsewhere", json={"command": ["true"]}), 409, "agent_broken")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["secret.txt"]


def test_an_inactive_agent_stays_inactive_through_a_restart_and_is_refused(
    workshop: Workshop, started: RuntimeProcess
) -> None:
    read(workshop.desk.post("/agents", {"name": "sleepy", "command": ["true"]}), 201)
    read(workshop.desk.post("/agents/sleepy/deactivate"))
    started.restart()
    order: JsonObject = {"type": "start_session", "session_name": "later", "agent_name": "sleepy", "prompt": "p"}

    refused(workshop.desk.post("/jobs", order), 409, "agent_inactive")
    assert read(workshop.desk.post("/agents/sleepy/activate"))["active"] is True

    read(workshop.desk.post("/jobs", order), 201)


def test_an_unknown_agent_is_not_found(workshop: Workshop) -> None:
    for name in ("nobody", "%2e%2e", "x" * 100):
        refused(workshop.desk.get(f"/agents/{name}"), 404, "agent_unknown")


def test_an_agent_says_how_often_its_jobs_are_tried_again_and_who_stands_in_for_it(workshop: Workshop) -> None:
    said: JsonObject = {"retries": {"network": 2, "quota": "until_reset"}, "fallbacks": ["codex"]}
    read(workshop.desk.post("/agents", {"name": "patient", "backend": "claude", **said}), 201)

    assert {name: workshop.listed()["patient"][name] for name in said} == said
    made = read(workshop.desk.post("/jobs", {**_start("patient"), "retries": {"network": 7}}), 201)
    retries = read(workshop.desk.get(f"/jobs/{made['job_id']}"))["retries"]
    counted: JsonObject = {"infrastructure": 0, "network": 7, "overloaded": 10, "agent": 0}
    assert retries == {**counted, "quota": "until_reset", "within_seconds": 86400.0}
    wrong = workshop.desk.post("/jobs", {**_start("patient"), "retries": {"quota": "later"}})
    assert "'retries.quota': 'until_reset' or a number from 0 to 1000" in refused(wrong, 422, "invalid_parameters")


def test_an_agent_says_how_long_it_may_be_silent(workshop: Workshop) -> None:
    stalls: JsonObject = {"told_after_seconds": 60.0, "stopped_after_seconds": 0.0, "tools": {"Bash": 7200.0}}
    read(workshop.desk.post("/agents", {"name": "silent", "backend": "claude", "stalls": stalls}), 201)

    assert workshop.listed()["silent"]["stalls"] == stalls
    wrongs: tuple[tuple[JsonObject, str], ...] = (
        ({"stopped_after_second": 5}, "did you mean 'stopped_after_seconds'?"),
        ({"tools": {"Bash": "long"}}, "a number is expected"),
        ({"told_after_seconds": -1}, "told_after_seconds"),
    )
    for wrong, said in wrongs:
        answer = workshop.desk.post("/agents", {"name": "wrong", "backend": "claude", "stalls": wrong})
        assert said in refused(answer, 422, "invalid_parameters")


def test_an_agent_says_what_is_asked_of_the_ends_of_its_jobs(workshop: Workshop) -> None:
    verify: JsonObject = {"command": ["make", "test"], "timeout_seconds": 600.0}
    said: JsonObject = {"verify": {"command": ["make", "test"]}, "output_schema": {"type": "object"}}
    read(workshop.desk.post("/agents", {"name": "proved", "backend": "claude", **said}), 201)

    def asked(**fields: Json) -> list[Json]:
        made = read(workshop.desk.post("/jobs", {**_start("proved"), **fields}), 201)
        job = read(workshop.desk.get(f"/jobs/{made['job_id']}"))
        (listed,) = items(read(workshop.desk.get("/jobs", session=text(made["session_name"])))["jobs"])
        beside = read(workshop.desk.get(f"/sessions/{made['session_name']}", agent="true"))["checks"]
        assert listed["verify"] is None  # in lists it is left out, as prompts are
        assert beside == ({name: job[name] for name in CHECKS if job[name] is not None} or None)
        return [job[name] for name in CHECKS]

    assert workshop.listed()["proved"]["verify"] == verify
    assert asked() == [verify, 3, {"type": "object"}]
    assert asked(verify_attempts=0, output_schema=None) == [verify, 0, None]
    assert asked(verify=None, output_schema=None) == [None, None, None]
    away = workshop.desk.post("/jobs", {**_start("proved"), "output_schema": {"$ref": "http://example.org"}})
    assert "'output_schema': a schema that is whole is expected" in refused(away, 422, "invalid_parameters")
    empty = workshop.desk.post("/jobs", {**_start("proved"), "verify": {"command": []}})
    assert "verify.command" in refused(empty, 422, "invalid_parameters")


def _start(agent: str) -> JsonObject:
    return {"type": "start_session", "session_name": fresh(), "agent_name": agent, "prompt": "hello"}
