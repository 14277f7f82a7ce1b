"""Imports all that a launched job imports at some time, for a start that is to find it loaded.

The head of `ao-start` and `ao-resume` names this module to the launcher; nothing else imports it. A test compares it
with what a job really imports.
"""

# ruff: noqa: F401
import concurrent.futures.thread
import encodings.idna

import agent_backends.acp.backend
import agent_backends.acp.kind
import agent_backends.claude.backend
import agent_backends.claude.conversation
import agent_backends.claude.kind
import agent_backends.codex.backend
import agent_backends.codex.kind
import agent_backends.command.backend
import agent_backends.command.kind
import agent_backends.gemini.backend
import agent_backends.gemini.kind
import agent_backends.job.launched
import agent_backends.job.start
