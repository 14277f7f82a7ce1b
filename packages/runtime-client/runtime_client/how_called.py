"""How a person calls our programs: by their names where they are installed, by their places in a checkout."""

from pathlib import Path


def called(program: str) -> str:
    """Return what to type for a program and the words after it, such as `agent-runtime` or `ao up`."""
    if not is_checkout():
        return program
    return f"commands/{program}" if program.startswith("ao") else f"uv run {program}"


def is_checkout() -> bool:
    """Tell whether this file lies in a checkout."""
    return Path(__file__).parents[1].joinpath("pyproject.toml").is_file()
