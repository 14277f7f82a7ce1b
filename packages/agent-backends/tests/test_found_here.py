"""What is found here, in the words in which a launcher tells it."""

import json
import os
from pathlib import Path

from agent_backends.found_here import clients_here, found_here
from agent_backends.versions import Versions


def blueprint(folder: Path, name: str, **says: object) -> None:
    (folder / name).mkdir(parents=True)
    (folder / name / "agent.json").write_text(json.dumps(says))


def test_a_client_is_named_as_the_runtime_names_it(tmp_path: Path) -> None:
    blueprint(tmp_path, "a", backend="codex")
    blueprint(tmp_path, "b", backend="acp", command=["opencode", "acp"])
    blueprint(tmp_path, "c", backend="acp", command=["./own"])
    blueprint(tmp_path, "d", backend="command", command=["sh"])
    blueprint(tmp_path, "e", backend="claude", options={"setting_sources": ["user"]})

    rows = found_here(tmp_path, {"PATH": "", "HOME": str(tmp_path)})

    assert [row.client for row in rows] == ["codex", "acp opencode", None, None, None]


def test_a_version_is_asked_for_once_until_the_program_is_another_file(tmp_path: Path) -> None:
    program, asked = tmp_path / "codex", tmp_path / "asked"
    blueprint(tmp_path / "agents", "codex", backend="codex")
    environment = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "HOME": str(tmp_path)}

    def version(number: str | None = None) -> str | None:
        if number is not None:
            program.write_text(f"#!/bin/sh\necho x >> {asked}\necho codex {number}\n")
            program.chmod(0o755)
        (row,) = found_here(tmp_path / "agents", environment, Versions(environment, tmp_path / "versions.json"))
        return row.found.version

    assert [version("1"), version(), version("2.0")] == ["codex 1", "codex 1", "codex 2.0"]
    assert asked.read_text() == "x\nx\n"
    assert clients_here(tmp_path / "agents", environment) == [
        {"client": "codex", "program": str(program), "is_signed_in": None, "account": None}
    ]
