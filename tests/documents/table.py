"""What the pages leave to their reader: what runs on, what stands for the reader's own, and what cannot run here."""

from dataclasses import dataclass

MAKE_RUN, RUNTIME, CLAUDE = "make run", "a runtime", "Claude Code"

NEEDS: dict[str, tuple[str, ...]] = {
    "README.md": (CLAUDE,),
    "docs/how-to/ask-and-answer.md": (RUNTIME,),
    "docs/how-to/get-told-outside.md": (RUNTIME,),
    "docs/how-to/keep-secrets.md": (RUNTIME,),
    "docs/how-to/orchestrate.md": (CLAUDE, MAKE_RUN),
    "docs/how-to/run-as-a-service.md": (RUNTIME,),
    "docs/how-to/start-an-agent.md": (CLAUDE, MAKE_RUN),
    "docs/how-to/write-an-agent.md": (MAKE_RUN,),
    "docs/how-to/run-other-agents.md": (MAKE_RUN,),
    "docs/how-to/sandbox-agents.md": (RUNTIME,),
    "docs/how-to/upgrade.md": (RUNTIME,),
    "docs/how-to/watch-the-numbers.md": (RUNTIME,),
}
"""What a page takes for granted: the page says so in words, or it is a service that the reader has."""

SERVERS = {
    "make run": "Ctrl+C",
    "agent-runtime": "ready at",
    "servers/agent-launcher/agent-launcher": "registered",
}
"""What runs until somebody ends it, by a word of its command, and what it says when it is up."""

NO_SERVERS = ("install-service", "doctor", "token", "backup")
"""Words with which such a program ends by itself."""

PLACEHOLDERS = {
    "AGENT_RUNTIME_TOKEN=…": 'AGENT_RUNTIME_TOKEN="$(cat ~/.local/share/agent-runtime/token)"',
    "AGENT_SECRET_DEPLOY_KEY=…": "AGENT_SECRET_DEPLOY_KEY=a-secret-of-the-readers",
    '"…"': '"What do you see?"',
}
"""What the reader has to fill in, and with what it is filled here."""


@dataclass(frozen=True)
class Listed:
    """A command that is not run here: its page, how it begins, and why."""

    page: str
    begins: str
    because: str


LISTED = (
    Listed("README.md", "make test", "it is what runs this test"),
    Listed("README.md", "uv tool install", "the network; tests/end_to_end/test_installed.py installs the wheel"),
    Listed("README.md", "ao ", "a program of that installation"),
    Listed("docs/how-to/upgrade.md", "uv tool install", "the network; tests/end_to_end/test_installed.py installs it"),
    Listed("docs/how-to/upgrade.md", "systemctl", "the reader's systemd"),
    Listed(
        "docs/how-to/upgrade.md", "uv run agent-runtime restore", "no runtime may run beside it; test_prune_and_backup"
    ),
    Listed("docs/how-to/run-in-containers.md", "make wheels", "the network"),
    Listed("docs/how-to/run-in-containers.md", "docker", "a container engine of the reader's"),
    Listed("docs/how-to/run-in-containers.md", "POSTGRES_PASSWORD", "a container engine of the reader's"),
    Listed("docs/how-to/replay-a-seed.md", "uv run python scripts/simulate.py  ", "minutes, and make test runs it"),
    Listed("docs/how-to/replay-a-seed.md", "uv run python scripts/simulate.py --first", "an hour"),
    Listed("docs/how-to/serve-with-tls.md", "server {", "tests/end_to_end/test_proxies.py plays such a proxy"),
    Listed("docs/how-to/watch-the-numbers.md", "scrape_configs", "a Prometheus server of the reader's"),
    Listed("docs/how-to/use-postgresql.md", "createdb", "a PostgreSQL server of the reader's"),
    Listed("docs/how-to/use-postgresql.md", "export AGENT_RUNTIME_DATABASE_URL", "a PostgreSQL server of the reader's"),
    Listed("docs/how-to/use-postgresql.md", "AGENT_RUNTIME_ALLOWED_HOSTS", "a PostgreSQL server of the reader's"),
)


def why_listed(page: str, text: str) -> str | None:
    """Why a command is not run here; None if it is."""
    fitting = [entry for entry in LISTED if entry.page == page and text.startswith(entry.begins)]
    return max(fitting, key=lambda entry: len(entry.begins)).because if fitting else None


def ready_word(text: str) -> str | None:
    """What a command says when it is up, if it runs on; None if it ends by itself."""
    words = f" {' '.join(text.split())} "
    if any(f" {word} " in words for word in NO_SERVERS):
        return None
    return next((said for called, said in SERVERS.items() if f" {called} " in words), None)
