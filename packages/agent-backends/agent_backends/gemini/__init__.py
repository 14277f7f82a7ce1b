"""The kind of agent `gemini`: Gemini CLI."""
