"""httpx without its own command line, which takes three times as long to load as the rest of it."""

import sys

# httpx loads its command line, with click, rich and pygments, wherever those are installed, and typer brings them. An
# entry of None makes that one import fail, which httpx provides for.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]

import httpx  # noqa: E402

__all__ = ["httpx"]
