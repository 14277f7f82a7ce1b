"""What the commands, the MCP server and the tests share to talk to the runtime."""
