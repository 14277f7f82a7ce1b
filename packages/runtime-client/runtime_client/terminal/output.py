"""Writing to standard output and standard error where that may fail: a disk is full, a reader has gone."""

import os
from typing import TextIO


def write(stream: TextIO, content: bytes) -> OSError | None:
    """Write all of it; return what went wrong.

    Past the stream's own buffer: what that cannot get rid of would fail again at Python's end, and make that 120.
    """
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
