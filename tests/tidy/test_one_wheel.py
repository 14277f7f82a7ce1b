"""The wheel is this repository in one: it needs what the packages need, and all of them say the same version."""

import importlib
import re
import tomllib
from pathlib import Path
from typing import Any

from lib import version as launcher_version

ROOT = Path(__file__).parents[2]
WHOLE = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
MEMBERS = [
    tomllib.loads((ROOT / member / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for member in WHOLE["tool"]["uv"]["workspace"]["members"]
]
OF_THE_USERS_CHOICE = ("traces",)
OURS = {member["name"] for member in MEMBERS}


def name_of(requirement: str) -> str:
    """The package of a requirement."""
    found = re.match(r"[\w.-]+", requirement)
    assert found, requirement
    return found[0]


def test_the_wheel_needs_exactly_what_its_packages_need() -> None:
    groups = [group for member in MEMBERS for group in (member["dependencies"], *_extras(member).values())]
    needed = {requirement for group in groups for requirement in group if name_of(requirement) not in OURS}
    brought = WHOLE["project"]["dependencies"]

    assert needed <= set(brought)
    assert {name_of(one) for one in brought} == {name_of(one) for one in needed} | launchers_needs()


def launchers_needs() -> set[str]:
    """What the launcher, which is no package, says at its head that it needs."""
    head = (ROOT / "servers/agent-launcher/agent-launcher").read_text(encoding="utf-8")
    found = re.search(r"^# dependencies = (\[.*\])$", head, re.MULTILINE)
    assert found, "the launcher's script says what it needs"
    return set(tomllib.loads(f"needs = {found[1]}")["needs"])


def test_the_wheel_has_the_extras_that_are_left_to_its_users() -> None:
    lists = {name: group for member in MEMBERS for name, group in member.get("optional-dependencies", {}).items()}

    assert WHOLE["project"]["optional-dependencies"] == {name: lists[name] for name in OF_THE_USERS_CHOICE}


def _extras(member: dict[str, Any]) -> dict[str, list[str]]:
    """The extras of a package that the wheel always brings."""
    extras: dict[str, list[str]] = member.get("optional-dependencies", {})
    return {name: group for name, group in extras.items() if name not in OF_THE_USERS_CHOICE}


def test_every_part_says_the_same_version() -> None:
    said = {member["name"]: member["version"] for member in MEMBERS}
    said |= {
        module: importlib.import_module(f"{module}.version").VERSION for module in ("agent_runtime", "runtime_client")
    }
    said["launcher"] = launcher_version.VERSION
    said["changes"] = re.findall(r"^## (\S+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)[0]

    assert set(said.values()) == {WHOLE["project"]["version"]}, said
