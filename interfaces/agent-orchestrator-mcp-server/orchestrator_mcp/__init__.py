"""The MCP server: many agents as tools of one."""
