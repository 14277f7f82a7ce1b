"""The words after a command's name, told apart: optparse, with exact names and its errors in one sentence."""

import sys
from optparse import IndentedHelpFormatter, OptionParser
from typing import Never

from runtime_client.errors import CannotPrintError, UsageError
from runtime_client.terminal.output import write


class Parser(OptionParser):
    """Reads names and values in any order.

    Shape:   what follows an option that takes a value is its value, whatever it begins with, as a prompt may.
             `arguments` are the metavars of what is given by its place, each with its help.
    """

    def __init__(self, command: str, text: str) -> None:
        formatter = IndentedHelpFormatter(max_help_position=32)
        formatter.set_long_opt_delimiter(" ")
        super().__init__(prog=command, formatter=formatter, add_help_option=False)
        self.arguments: list[tuple[str, str]] = []
        self._text = text

    def error(self, msg: str) -> Never:
        """Refuse the words.

        Errors:  UsageError.
        """
        raise UsageError(msg)

    def _match_long_opt(self, opt: str) -> str:
        """Return the option of exactly this name: an abbreviation means another one tomorrow.

        Errors:  UsageError, with the one that was meant.
        """
        known = [name for option in self.option_list for name in option._long_opts]  # noqa: SLF001 - for its subclasses
        if opt in known:
            return opt
        # Imported late: few mistype.
        from difflib import get_close_matches

        near = get_close_matches(opt, known, n=1)
        raise UsageError(f"there is no option {opt!r}" + (f" (did you mean {near[0]!r}?)" if near else ""))

    def print_help(self, file: object = None) -> None:  # noqa: ARG002 - it is for standard output
        """Print what the command is for and what it takes.

        Errors:  CannotPrintError.
        """
        error = write(sys.stdout, self._help().encode("utf-8"))
        if error is not None and not isinstance(error, BrokenPipeError):
            raise CannotPrintError(f"cannot write to standard output: {error.strerror}") from error

    def print_version(self, file: object = None) -> None:  # noqa: ARG002 - it is for standard output
        """Print which version this is."""
        # Imported late: few ask.
        from runtime_client.version import VERSION

        error = write(sys.stdout, f"{self.prog} {VERSION}\n".encode())
        if error is not None and not isinstance(error, BrokenPipeError):
            raise CannotPrintError(f"cannot write to standard output: {error.strerror}") from error

    def _help(self) -> str:
        import textwrap

        paragraphs = textwrap.dedent(f"    {self._text.strip()}").split("\n\n")
        filled = [textwrap.fill(text.strip(), 78, initial_indent="  ", subsequent_indent="  ") for text in paragraphs]
        usage = " ".join(["Usage:", self.prog or "", "[OPTIONS]", *(name for name, _ in self.arguments)])
        width = max((len(name) for name, _ in self.arguments), default=0)
        arguments = ["Arguments:", *(f"  {name:{width}}  {text}" for name, text in self.arguments)]
        parts = [usage, *filled, *(["\n".join(arguments)] if self.arguments else []), self.format_option_help()]
        return "\n\n".join(parts)
