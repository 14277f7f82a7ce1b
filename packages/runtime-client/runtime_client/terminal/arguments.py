"""What a command takes, said beside each parameter of the function that does its work: `Annotated[type, Option(…)]`."""

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from optparse import Values
from typing import TypeAlias

from runtime_client.errors import UsageError
from runtime_client.terminal.parser import Parser

SECONDS_OF: Mapping[str, float] = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
FOR_EVER = 1e9
_DURATION = re.compile(r"\d+(\.\d+)?|(\d+(\.\d+)?[smhd])+")
_WHOLE = re.compile(r"[+-]?\d{1,18}")
_CLOCK = re.compile(r"(\d{1,2}):(\d\d)")
_PART = re.compile(r"(\d+(?:\.\d+)?)([smhd]?)")
REQUIRED = inspect.Parameter.empty


@dataclass(frozen=True)
class Argument:
    """A parameter that is given by its place; `is_list` takes all that is left, at least one.

    Shape:   one with a default may be left out. `completes` names what a shell offers: `session`, `agent`,
             `launcher`, or words with `|` between.
    """

    metavar: str
    help: str
    is_list: bool = False
    completes: str = ""

    def add_to(self, parser: Parser, name: str, default: object) -> None:  # noqa: ARG002 - as the others
        """Have it shown in the help."""
        parser.arguments.append((self.metavar if default is REQUIRED else f"[{self.metavar}]", self.help))


@dataclass(frozen=True)
class Flag:
    """A parameter that is true if its name is given, false without it or with the name that is `off`."""

    name: str
    help: str
    short: str = ""
    off: str = ""

    def add_to(self, parser: Parser, name: str, default: object) -> None:
        """Have it read."""
        names = filter(None, (self.short, self.name))
        parser.add_option(*names, action="store_true", dest=name, default=default, help=self._help(default))
        if self.off:
            parser.add_option(
                self.off, action="store_false", dest=name, help=f"Not {self.name}.{'' if default else ' [default]'}"
            )

    def _help(self, default: object) -> str:
        return f"{self.help} [default]" if default else self.help


@dataclass(frozen=True)
class Option:
    """A parameter whose value follows its name; `is_list` is given any number of times, each with one value.

    Errors:  `read` raises ValueError, which says what was expected.
    """

    name: str
    help: str
    short: str = ""
    metavar: str = "TEXT"
    read: Callable[[str], object] = str
    is_list: bool = False
    completes: str = ""

    def add_to(self, parser: Parser, name: str, default: object) -> None:
        """Have it read, as text yet."""
        names = filter(None, (self.short, self.name))
        shown = self.help if default is None else f"{self.help} [default: {default}]"
        action = "append" if self.is_list else "store"
        parser.add_option(*names, action=action, dest=name, metavar=self.metavar, help=shown)

    def value_of(self, given: str | list[str] | None, default: object) -> object:
        """Return what was given.

        Errors:  UsageError.
        """
        if given is None:
            return default
        return self._value(given) if isinstance(given, str) else [self._value(word) for word in given]

    def _value(self, word: str) -> object:
        try:
            return self.read(word)
        except ValueError as cause:
            raise UsageError(f"cannot use {self.name} {word!r}: {cause}") from cause


Told: TypeAlias = Argument | Flag | Option


class CommandLine:
    """Reads the words after a command's name into the arguments of its function."""

    def __init__(self, command: str, main: Callable[..., int]) -> None:
        self._parser = Parser(command, main.__doc__ or "")
        self._told: dict[str, tuple[Told, object]] = {}
        for name, parameter in inspect.signature(main).parameters.items():
            told: Told = parameter.annotation.__metadata__[0]
            self._told[name] = told, parameter.default
            told.add_to(self._parser, name, parameter.default)
        self._parser.add_option("-h", "--help", action="help", help="Show this message and exit.")
        self._parser.add_option("--version", action="version", help="Show the version and exit.")

    @property
    def told(self) -> list[Told]:
        """What it takes, in its order."""
        return [told for told, _ in self._told.values()]

    def read(self, words: Sequence[str]) -> dict[str, object]:
        """Return what was given or is the default, by the parameters' names; print the help where it was asked for.

        Errors:  UsageError; SystemExit after the help.
        """
        try:
            named, placed = self._parser.parse_args(list(words))
            return self._placed(placed) | self._named(named)
        except UsageError as error:
            raise UsageError(f"{error} (try --help)") from error

    def _placed(self, words: list[str]) -> dict[str, object]:
        values: dict[str, object] = {}
        for word in words:
            if any("\ud800" <= character <= "\udfff" for character in word):  # how Python shows bytes that are no UTF-8
                raise UsageError(f"cannot read {word!r}: expected UTF-8")
        for name, (told, default) in self._told.items():
            if isinstance(told, Argument):
                if not words and default is not REQUIRED:
                    values[name] = default
                    continue
                if not words:
                    raise UsageError(f"expected {told.metavar}, found nothing")
                values[name], words = (words, []) if told.is_list else (words[0], words[1:])
        if words:
            raise UsageError(f"expected nothing more, found {words[0]!r}")
        return values

    def _named(self, given: Values) -> dict[str, object]:
        return {
            name: getattr(given, name) if isinstance(told, Flag) else told.value_of(getattr(given, name), default)
            for name, (told, default) in self._told.items()
            if not isinstance(told, Argument)
        }


def number(least: float) -> Callable[[str], float]:
    """Read a number that is not smaller than this."""

    def read(word: str) -> float:
        try:
            value = float(word)
        except ValueError:
            value = float("nan")
        if not value >= least:
            raise ValueError(f"expected a number, at least {least:g}")
        return value

    return read


def duration(least: float) -> Callable[[str], float]:
    """Read a time that is not shorter than so many seconds: `90`, `90s`, `10m`, `1h30m`, `2d`."""

    def read(word: str) -> float:
        found = _DURATION.fullmatch(word.strip())
        parts = [] if found is None else _PART.findall(word)
        value = sum(float(number) * SECONDS_OF[unit] for number, unit in parts) if parts else float("nan")
        if not least <= value < FOR_EVER:
            bounds = f"at least {least:g} seconds and less than {FOR_EVER / SECONDS_OF['d']:.0f} days"
            raise ValueError(f"expected seconds or a time such as 90s, 10m or 1h30m, {bounds}")
        return value

    return read


def time_to_come(word: str) -> str:
    """Read a time that is not over, and return it in UTC: `03:00`, the next one on this clock, or a date with a time.

    Shape:   a time without a zone is this machine's.
    """
    now = datetime.now(UTC)
    try:
        if found := _CLOCK.fullmatch(word.strip()):
            told = datetime.combine(now.astimezone().date(), time(int(found[1]), int(found[2])))
            told += timedelta(days=1) if told.astimezone() <= now else timedelta()
        else:
            told = datetime.fromisoformat(word.strip())
        moment = told.astimezone(UTC)
    except (ValueError, OverflowError) as cause:
        raise ValueError("expected a time such as 03:00, or a date with one such as 2027-01-31T03:00") from cause
    if moment <= now:
        raise ValueError("expected a time to come, found one that is over")
    return moment.isoformat()


def whole_number(least: int, most: int | None = None) -> Callable[[str], int]:
    """Read a whole number that is not smaller than this, and not larger than that."""
    bounds = f"at least {least}" if most is None else f"from {least} to {most}"

    def read(word: str) -> int:
        is_number = _WHOLE.fullmatch(word) is not None
        if not is_number or int(word) < least or (most is not None and int(word) > most):
            raise ValueError(f"expected a whole number, {bounds}")
        return int(word)

    return read


def one_of(words: type[StrEnum]) -> Callable[[str], StrEnum]:
    """Read one of these words."""

    def read(word: str) -> StrEnum:
        if word not in list(words):
            raise ValueError(f"expected one of {', '.join(words)}")
        return words(word)

    return read
