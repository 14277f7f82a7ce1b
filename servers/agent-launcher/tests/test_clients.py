"""What a launcher tells of the clients that are here."""

from pathlib import Path

import pytest

from lib.clients import CannotLookError, Clients, look
from lib.machine.machine import Machine
from lib.wire.models import Json

CODEX: Json = {"client": "codex", "program": "/bin/codex", "version": "1", "is_signed_in": None, "account": "a1"}


def command(folder: Path, script: str) -> str:
    path = folder / "agent-backends"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def test_each_client_is_told_once_and_what_needs_none_is_left_out(tmp_path: Path) -> None:
    rows = '{"client":"codex","program":"/bin/codex","version":"1","is_signed_in":null,"account":"a1","name":"codex"}'
    script = f"""echo '{{"agents":[{rows},{rows},{{"client":null,"program":"sh"}}]}}'"""

    assert look(Machine(), command(tmp_path, script), {}) == [CODEX]


@pytest.mark.parametrize(
    ("script", "sentence"),
    [("echo no uv here >&2; exit 3", "ended with 3: no uv here"), ("echo what", "cannot read what")],
)
def test_a_command_that_cannot_tell_is_named_with_its_reason(tmp_path: Path, script: str, sentence: str) -> None:
    with pytest.raises(CannotLookError, match=sentence):
        look(Machine(), command(tmp_path, script), {})


def test_only_a_change_is_told_at_once_and_a_failed_look_takes_back_nothing_that_was_known() -> None:
    answers: list[list[Json] | None] = [None, [CODEX], [CODEX], None]
    told: list[list[Json] | None] = []

    def next_look() -> list[Json]:
        answer = answers.pop(0)
        if answer is None:
            raise CannotLookError("it hangs")
        return answer

    clients = Clients(next_look, 300.0, lambda: told.append(clients.told))
    assert (clients.told, clients.has_looked) == ([], False)
    pauses = [clients.step() for _ in range(4)]

    assert told == [None, [CODEX]]
    assert clients.has_looked
    assert pauses == [60.0, 300.0, 300.0, 60.0]


def test_a_launcher_that_shall_not_look_says_nothing() -> None:
    clients = Clients(lambda: [CODEX], 0.0, lambda: None)
    clients.step()

    assert (clients.told, clients.has_looked) == (None, True)
