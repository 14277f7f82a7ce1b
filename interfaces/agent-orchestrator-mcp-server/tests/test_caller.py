"""A caller brings a token of its own, and reaches the runtime as the server was told to reach it."""

from pathlib import Path

from orchestrator_mcp.caller import Caller
from runtime_client.address import RuntimeAddress


def test_a_caller_has_its_own_token_and_the_servers_place_and_certificates() -> None:
    server = RuntimeAddress("https://runtime.example", "server's", "a file", "server", Path("/ca.pem"))

    seen = Caller("build", "own", "the request").address(server)

    assert seen == RuntimeAddress("https://runtime.example", "own", "the request", "build", Path("/ca.pem"))
