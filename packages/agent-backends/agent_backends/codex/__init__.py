"""The kind of agent `codex`: OpenAI's Codex, through its app server."""
