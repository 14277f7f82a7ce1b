"""Writing to standard output and standard error where that may fail: a disk is full, a reader has gone."""

import os
from typing import TextIO


def write(stream: TextIO | None, content: bytes) -> OSError | None:
    """Write all of it; return what went wrong.

    Shape:   `stream` is None, as Python says, where the caller has closed it; nobody reads it then.

    Past the stream's own buffer: what that cannot get rid of would fail again at Python's end, and make that 120.
    """
    if stream is None:
        return None
    try:
        stream.flush()
        descriptor = stream.fileno()
        while content:
            content = content[os.write(descriptor, content) :]
    except OSError as error:
        return error
    except ValueError:  # it is closed, so nobody reads it
        return None
    return None


def is_terminal(stream: TextIO | None) -> bool:
    """Say whether a person reads it."""
    return stream is not None and not stream.closed and stream.isatty()
