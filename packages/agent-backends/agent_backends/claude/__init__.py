"""The kind of agent `claude`: Claude Code."""
