"""The version of the commands and the MCP server."""

VERSION = "0.1.0"
