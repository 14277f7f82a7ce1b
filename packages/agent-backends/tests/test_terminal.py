"""What agents wrote reaches a terminal as text, never as orders to it, and no line of ours can be forged by it."""

import json
from datetime import UTC, date, datetime

import pytest

from runtime_client.models import Event
from runtime_client.terminal.clock import local_time
from runtime_client.terminal.showing import event_line
from runtime_client.terminal.tables import table
from support.agents import add_agent
from support.commands import Commands
from support.runtime_process import RuntimeProcess
from support.terminal import Terminal

ORDERS = "\x1b]52;c;aGk=\x07\x1b[2J\x9b31m"
FORGED = "16:46:01 job.completed status=completed"


@pytest.fixture(scope="module", autouse=True)
def agents(runtime: RuntimeProcess) -> None:
    """The agents of these tests."""
    api = runtime.api
    add_agent(api, runtime.folder, "painter", f"print({ORDERS!r}); print('second line')")
    add_agent(api, runtime.folder, "forger", f"import sys; print({FORGED!r}); sys.exit('no\\n' + {FORGED + ORDERS!r})")
    api.close()


def on_terminal(commands: Commands, name: str, *arguments: str) -> bytes:
    """Run a command whose output and errors go to a terminal, and return what reached it."""
    with Terminal(commands.command(name, *arguments), commands.environment(), commands.folder) as terminal:
        return terminal.rest()


def test_a_terminal_shows_control_characters_and_a_pipe_gets_the_bytes(commands: Commands) -> None:
    started = on_terminal(commands, "ao-start", "paints", "--agent", "painter", "-p", "x")
    seen = [started] + [
        on_terminal(commands, name, *arguments)
        for name, *arguments in [
            ["ao-get-result", "paints"],
            ["ao-get-result", "paints", "--json"],
            ["ao-logs", "paints"],
            ["ao-logs", "paints", "--json"],
        ]
    ]
    seen.append(on_terminal(commands, "ao-start", "fails", "--agent", "forger", "-p", "x"))
    piped = commands.run("ao-get-result", "paints")

    assert [output for output in seen if b"\x1b" in output or b"\x07" in output or "\x9b".encode() in output] == []
    assert b"\\x1b]52;c;aGk=\\x07\\x1b[2J\\x9b31m\r\nsecond line" in seen[1]
    assert json.loads(seen[2])["result"] == f"{ORDERS}\nsecond line\n"
    assert piped.out == f"{ORDERS}\nsecond line\n"


def test_one_event_is_one_line_and_an_agent_cannot_write_one(commands: Commands) -> None:
    started = commands.run("ao-start", "forges", "--agent", "forger", "-p", "x")
    logs = commands.run("ao-logs", "forges")
    events = commands.run("ao-logs", "forges", "--json")

    assert len(logs.out.splitlines()) == len(events.out.splitlines())
    assert [line for line in logs.out.splitlines() if line.split()[1] == "job.completed"] == []
    _, said = started.err.split("ao-start: ")
    assert [line for line in said.splitlines()[1:] if not line.startswith("  ")] == []
    assert "\x1b" not in said


def test_a_cell_of_a_table_cannot_make_a_row() -> None:
    assert table(("NAME", "WHAT"), [("a", "one\nb  two\x1b[1A")]).splitlines()[1:] == ["a     one\\nb  two\\x1b[1A"]


@pytest.mark.parametrize("text", ["👩‍💻 wide　space", "Grüße", "soft\u00adhyphen"])
def test_ordinary_text_is_left_as_it_is(text: str) -> None:
    event = Event(1, "message", "x", None, None, {"role": "assistant", "text": text}, {})

    assert event_line(event, date.min).endswith(f"assistant: {text}")


def test_times_are_local_with_the_date_where_it_is_not_today() -> None:
    noon = datetime(2026, 3, 4, 12, 0, 5, tzinfo=UTC)
    local = noon.astimezone()

    assert local_time("2026-03-04T12:00:05.123456Z", local.date()) == f"{local:%H:%M:%S}"
    assert local_time("2026-03-04T12:00:05.123456Z", date(2026, 3, 9)) == f"{local:%Y-%m-%d %H:%M:%S}"
    assert local_time("yesterday", date(2026, 3, 9)) == "yesterday"


def test_the_commands_show_the_zone_of_the_person_and_json_says_utc(commands: Commands) -> None:
    commands.run("ao-start", "zoned", "--agent", "echo", "-p", "x")
    at_home = {"TZ": "XXX-05:45"}

    first = commands.run("ao-logs", "zoned", environment=at_home).out.splitlines()[0]
    event = json.loads(commands.run("ao-logs", "zoned", "--json", environment=at_home).out.splitlines()[0])

    told = datetime.fromisoformat(event["at"])
    minutes = (told.hour * 60 + told.minute + 5 * 60 + 45) % (24 * 60)
    assert event["at"].endswith("Z")
    assert f"{minutes // 60:02}:{minutes % 60:02}:{told:%S}" in first
