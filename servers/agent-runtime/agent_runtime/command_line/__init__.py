"""The command `agent-runtime`, and what it does beside serving."""
