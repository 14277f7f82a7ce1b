"""What a reference of a webhook stands for, on the machine of the runtime."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path

BYTES_MAX = 64 * 1024


def value_of(reference: str, environment: Mapping[str, str]) -> str:
    """Read the value of `${env:NAME}` or `${file:PATH}`.

    Errors:  ValueError, which quotes the reference and never the value.
    """
    kind, _, name = reference[2:-1].partition(":")
    if kind == "env":
        value = environment.get(name, "")
        if not value:
            raise ValueError(f"'{reference}' is not set in the environment of the runtime")
        return value
    try:
        return _text_of(Path(name).expanduser())
    except (OSError, ValueError, RuntimeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ValueError(f"'{reference}' cannot be read on the machine of the runtime: {why}") from error


def _text_of(path: Path) -> str:
    # Links are followed: where secrets are mounted they often are links.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError("no file")
        content = file.read(BYTES_MAX + 1)
    value = content.decode("utf-8").strip()
    if not value or len(content) > BYTES_MAX:
        raise ValueError("empty, or too large")
    return value
