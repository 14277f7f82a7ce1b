"""The image's steps work in a root with nothing but Python and without a network, and what compose says runs there.

No container engine is needed for it: the lines of the Dockerfile are done one by one in a bare root folder.
"""

import hashlib
import json
import re
import shlex
import shutil
import sys
from typing import Any

import pytest
import yaml

from support.bare_root import Image, Stage
from support.bubblewrap import why_not
from support.installation import ROOT, build_wheel
from wheels import libraries

pytestmark = pytest.mark.long

FOLDER = ROOT / "packaging" / "container"
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((FOLDER / "compose.yaml").read_text(encoding="utf-8"))["services"]
OURS = ("runtime", "key", "launcher")
THIS_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
STORY = """
set -e
until_well() {{ for i in $(seq 600); do if "$@" 2>/dev/null; then return 0; fi; done; return 1; }}
{runtime} >/tmp/runtime.log 2>&1 &
runtime=$!
until_well {runtime_is_well}
AGENT_RUNTIME_DATA_DIR=/data {key}
export AGENT_RUNTIME_URL=http://127.0.0.1:8765 AGENT_RUNTIME_DATA_DIR=/key
{launcher} >/tmp/launcher.log 2>&1 &
launcher=$!
until_well {launcher_is_well}
export AGENT_RUNTIME_DATA_DIR=/data
ao-start hello --agent echo -p 'Hello there' --detach >&2
ao-wait hello >&2
ao-get-result hello
id -u
kill $launcher
wait $launcher
kill $runtime
wait $runtime
"""


def command(service: str) -> str:
    """What a service runs, for a shell."""
    return shlex.join(SERVICES[service]["command"])


def check(service: str) -> str:
    """What tells whether it is well."""
    first, *words = SERVICES[service]["healthcheck"]["test"]
    assert first == "CMD"
    return shlex.join(words)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """The image, as far as it can be had without an engine."""
    if why := why_not():
        pytest.skip(why)
    folder = tmp_path_factory.mktemp("image")
    lock = hashlib.sha256((ROOT / "uv.lock").read_bytes()).hexdigest()[:16]
    # Fetched once for each lock file, as the tests' browser is.
    kept = ROOT / ".tools" / f"wheels-{lock}"
    if not (kept / "complete").exists():
        libraries(kept, THIS_PYTHON)
        (kept / "complete").touch()
    context = folder / "dist"
    (context / "wheels").mkdir(parents=True)
    for wheel in (*kept.glob("*.whl"), build_wheel(folder / "ours")):
        shutil.copy(wheel, context / "wheels")
    built = Image(FOLDER / "Dockerfile", context, folder).last
    assert built is not None
    return built


# Some sixty packages are installed: minutes on a machine that does other things as well.
@pytest.mark.timeout(600)
def test_the_image_is_built_offline_and_runs_a_job_as_nobody_in_particular(image: Stage) -> None:
    story = STORY.format(
        runtime=command("runtime"),
        runtime_is_well=check("runtime"),
        key=command("key"),
        launcher=command("launcher"),
        launcher_is_well=check("launcher"),
    )
    done = image.run(story, {"AGENT_RUNTIME_ALLOWED_HOSTS": "runtime"})

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines() == ["Hello there", "10001"]
    assert image.command == ["agent-runtime", "--host", "0.0.0.0"]
    assert "agents:x:10001:10001" in (image.root / "etc/passwd").read_text(encoding="utf-8")


def test_compose_gives_each_program_no_more_than_it_needs() -> None:
    for name in OURS:
        service = SERVICES[name]
        assert (service["init"], service["read_only"], service["cap_drop"]) == (True, True, ["ALL"]), name
        assert service["security_opt"] == ["no-new-privileges:true"]
    assert [port for name in SERVICES for port in SERVICES[name].get("ports", [])] == ["127.0.0.1:8765:8765"]
    assert not any(volume.startswith("runtime:") for volume in SERVICES["launcher"]["volumes"]), "the user's token"


def test_compose_names_what_there_is() -> None:
    whole = yaml.safe_load((FOLDER / "compose.yaml").read_text(encoding="utf-8"))
    used = {volume.partition(":")[0] for one in SERVICES.values() for volume in one["volumes"] if volume[0] != "$"}
    awaited = {name for one in SERVICES.values() for name in one.get("depends_on", {})}

    assert used | {"project"} == set(whole["volumes"])
    assert awaited <= set(SERVICES)
    assert all("healthcheck" in SERVICES[name] for name in ("database", "runtime", "launcher"))
    assert (FOLDER / whole["x-ours"]["build"]["context"]).resolve() == ROOT / "dist"
    assert json.dumps(whole).count("POSTGRES_PASSWORD:?") == 3
    assert not re.search(r"PASSWORD: *\w", (FOLDER / "compose.yaml").read_text(encoding="utf-8")), "none is built in"
