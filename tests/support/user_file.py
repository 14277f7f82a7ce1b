"""A user whose file of settings says this."""

from pathlib import Path


def home_with(folder: Path, text: str | bytes, mode: int = 0o600) -> dict[str, str]:
    """Write the file below a folder, and give the environment of its user."""
    file = folder / "home/.config/agent-orchestrator/config.toml"
    file.parent.mkdir(parents=True)
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    file.chmod(mode)
    return {"HOME": str(folder / "home")}
