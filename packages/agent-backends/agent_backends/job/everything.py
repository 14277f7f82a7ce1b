"""Imports all that a launched job imports at some time, for a start that is to find it loaded.

The head of `ao-start` and `ao-resume` names this module to the launcher; nothing else imports it. A test compares it
with what a job really imports.
"""

import contextlib
import importlib

import agent_backends.command.backend
import agent_backends.job.launched
import agent_backends.job.start  # noqa: F401

# What others import late. One that a later version of theirs does not have is done without.
LATE = (
    "anyio._backends._asyncio",
    "encodings.idna",
    "httpcore",
    "typer._adapters",
    "typer._click.decorators",
    # The extra `claude`.
    "agent_backends.claude.backend",
    "agent_backends.claude.conversation",
    "concurrent.futures.thread",
)

for name in LATE:
    with contextlib.suppress(ImportError):
        importlib.import_module(name)
