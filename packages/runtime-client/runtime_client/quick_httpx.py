"""httpx without its own command line, which costs three times as much to load as the rest of it."""

import sys

# httpx loads its command line, with click, rich and pygments, wherever those happen to be installed: 300 ms that no
# command of ours can spare. An entry of None makes that one import fail, which httpx provides for.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]

import httpx  # noqa: E402

__all__ = ["httpx"]
