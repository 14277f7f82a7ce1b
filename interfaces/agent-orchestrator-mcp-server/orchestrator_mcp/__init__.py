"""The orchestrator as MCP tools: an agent starts, watches and stops other agents."""
