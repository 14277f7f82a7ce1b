"""A result whose beginning is printed as it comes: whoever kills this command takes none of that away any more."""

import sys

from runtime_client.terminal.command_line import print_text
from runtime_client.terminal.plain_text import PassedOn


class PrintedAhead:
    """Prints on standard output what is the beginning of the result for certain, and at the end the rest of it."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._stream = PassedOn(sys.stdout)
        self._is_refused = False

    def print(self, piece: str) -> None:
        """Print the next piece; what cannot be written now is tried once more at the end."""
        if not self._is_refused:
            self._is_refused = self._stream.write(piece.encode("utf-8", errors="replace")) is not None
        if not self._is_refused:
            self._pieces.append(piece)

    def print_rest(self, result: str) -> None:
        """Print what is missing of the whole result, and a line's end behind it.

        Errors:  BrokenPipeError, if the reader has had enough; CannotPrintError.
        """
        printed = "".join(self._pieces)
        if not result.startswith(printed):  # a secret was found in the whole that was not found in its pieces
            print_text(f"\n{result}")
        elif printed and printed == result:
            print_text("" if printed.endswith("\n") else "\n")
        else:
            print_text(result[len(printed) :])
