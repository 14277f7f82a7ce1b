"""How a line of the runtime's log looks: when, how bad, what happened, and the facts of it."""

import json
import logging
from datetime import UTC, datetime
from enum import StrEnum

from agent_runtime.domain.trace_of_job import trace_of

# Everything that a record has by itself; what is beyond was given as a fact.
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


class LogFormat(StrEnum):
    """For whom the log is written."""

    TEXT = "text"
    JSON = "json"


class JsonLine(logging.Formatter):
    """Writes one JSON object a line: `at`, `level`, `message`, `trace` where there is one, and the facts."""

    def format(self, record: logging.LogRecord) -> str:
        """Put the whole of a record on its line."""
        said: dict[str, object] = {
            **{key: value for key, value in vars(record).items() if key not in _OWN},
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "message": record.getMessage(),
        }
        if isinstance(job_id := said.get("job_id"), str):
            said["trace_id"] = trace_of(job_id)
        if record.exc_info:
            said["trace"] = self.formatException(record.exc_info)
        return json.dumps(said, default=str)


class FactLine(logging.Formatter):
    """Writes `time LEVEL what happened key=value …`."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S%z")

    def format(self, record: logging.LogRecord) -> str:
        """Move the lines of a trace in: what it quotes must not look like a line of its own."""
        first, *trace = super().format(record).split("\n")
        return "\n".join([first, *(f"  {_on_one_line(line)}" for line in trace)])

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name is logging's
        """Put the facts behind the sentence."""
        record.message = _on_one_line(record.message)
        facts = "".join(f" {key}={_on_one_line(value)}" for key, value in vars(record).items() if key not in _OWN)
        return super().formatMessage(record) + facts


def _on_one_line(value: object) -> str:
    # It may be something that a caller has sent: it must not look like a line of its own.
    return "".join(character if character.isprintable() else "?" for character in str(value))


def log_to_stderr(level: str, form: LogFormat = LogFormat.TEXT) -> None:
    """Send what is logged to standard error; standard output belongs to the ready line."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLine() if form is LogFormat.JSON else FactLine())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("agent_runtime").setLevel(level.upper())
    # uvicorn warns of each request that is none: whoever can reach the port could fill the disk with it.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
