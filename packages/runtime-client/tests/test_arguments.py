"""What is typed after a command's name arrives in its function as it was meant, or is refused in one sentence."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated

import pytest

from runtime_client.errors import UsageError
from runtime_client.terminal.arguments import (
    Argument,
    CommandLine,
    Flag,
    Option,
    number,
    one_of,
    time_to_come,
    whole_number,
)


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


def paint(
    name: Annotated[str, Argument("NAME", "What to paint.")],
    others: Annotated[list[str], Argument("OTHER...", "What else.", is_list=True)],
    text: Annotated[str | None, Option("--text", "What to write on it.", short="-t")] = None,
    colour: Annotated[Colour | None, Option("--colour", "In which.", metavar="WORD", read=one_of(Colour))] = None,
    at: Annotated[str | None, Option("--at", "When.", metavar="WHEN", read=time_to_come)] = None,
    depth: Annotated[int | None, Option("--depth", "How deep.", read=whole_number(-3, 3))] = None,
    coats: Annotated[int, Option("--coats", "How often.", metavar="NUMBER", read=whole_number(1))] = 2,
    seconds: Annotated[float | None, Option("--seconds", "How fast.", metavar="NUMBER", read=number(0))] = None,
    label: Annotated[list[str] | None, Option("--label", "A mark.", is_list=True)] = None,
    is_wet: Annotated[bool, Flag("--wet", "Do not wait.", short="-w", off="--dry")] = False,
) -> int:
    """Paint things.

    Exit status: 0.
    """
    raise AssertionError("only its signature is read")


NO_TIME = "expected a time such as 03:00, or a date with one such as 2027-01-31T03:00"
DEFAULTS = {
    "text": None,
    "colour": None,
    "at": None,
    "depth": None,
    "coats": 2,
    "seconds": None,
    "label": None,
    "is_wet": False,
}


def read(*words: str) -> dict[str, object]:
    return CommandLine("paint", paint).read(words)


def test_names_and_values_may_stand_in_any_order_and_what_is_not_given_is_the_default() -> None:
    given = read("a", "--coats", "3", "b", "-w", "--label", "x=1", "c", "--label=y=2", "--colour", "blue")

    assert given == {
        **DEFAULTS,
        "name": "a",
        "others": ["b", "c"],
        "coats": 3,
        "is_wet": True,
        "label": ["x=1", "y=2"],
        "colour": Colour.BLUE,
    }
    assert read("a", "b") == {**DEFAULTS, "name": "a", "others": ["b"]}
    assert read("a", "b", "-w", "--dry")["is_wet"] is False


def test_a_time_to_come_is_told_in_utc_and_one_of_the_clock_is_the_next_one() -> None:
    assert read("a", "b", "--at", "2150-01-31 03:00+05:00")["at"] == "2150-01-30T22:00:00+00:00"
    for word in ("0:00", "12:00", "23:59"):
        ahead = datetime.fromisoformat(str(read("a", "b", "--at", word)["at"])) - datetime.now(UTC)
        assert timedelta() < ahead <= timedelta(days=1, hours=2)  # a night on which clocks are set is longer
    assert read("a", "b", "--depth", "-3")["depth"] == -3


@pytest.mark.parametrize("text", ["--help", "-w", "--no such option", "", "--", "-1", "a=b"])
@pytest.mark.parametrize("name", ["--text", "-t"])
def test_what_follows_an_option_is_its_value_whatever_it_begins_with(name: str, text: str) -> None:
    assert read("a", name, text, "b")["text"] == text


def test_behind_two_dashes_everything_is_a_name() -> None:
    assert read("--", "--wet", "-t")["others"] == ["-t"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "expected NAME, found nothing"),
        (("a",), "expected OTHER..., found nothing"),
        (("a", "b\udcff"), "cannot read 'b\\udcff': expected UTF-8"),
        (("a", "b", "--we"), "there is no option '--we' (did you mean '--wet'?)"),
        (("a", "b", "--colours=red"), "there is no option '--colours' (did you mean '--colour'?)"),
        (("a", "b", "-x"), "no such option: -x"),
        (("a", "b", "--colour", "green"), "cannot use --colour 'green': expected one of red, blue"),
        (("a", "b", "--coats", "0"), "cannot use --coats '0': expected a whole number, at least 1"),
        (("a", "b", "--depth", "-4"), "cannot use --depth '-4': expected a whole number, from -3 to 3"),
        (("a", "b", "--at", "soon"), f"cannot use --at 'soon': {NO_TIME}"),
        (("a", "b", "--at", "25:00"), f"cannot use --at '25:00': {NO_TIME}"),
        (("a", "b", "--at", "9999-12-31T23:59-12:00"), f"cannot use --at '9999-12-31T23:59-12:00': {NO_TIME}"),
        (
            ("a", "b", "--at", "2020-01-01"),
            "cannot use --at '2020-01-01': expected a time to come, found one that is over",
        ),
        (("a", "b", "--coats", "1.5"), "cannot use --coats '1.5': expected a whole number, at least 1"),
        (("a", "b", "--seconds", "nan"), "cannot use --seconds 'nan': expected a number, at least 0"),
        (("a", "b", "--seconds=-1"), "cannot use --seconds '-1': expected a number, at least 0"),
        (("a", "b", "--text"), "--text option requires 1 argument"),
        (("a", "b", "--wet=yes"), "--wet option does not take a value"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_was_expected(words: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(*words)

    assert str(caught.value) == f"{sentence} (try --help)"


def test_the_help_names_everything_that_can_be_given(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        read("--help")

    assert ended.value.code == 0
    assert capfd.readouterr().out == (
        "Usage: paint [OPTIONS] NAME OTHER...\n\n  Paint things.\n\n  Exit status: 0.\n\n"
        "Arguments:\n  NAME      What to paint.\n  OTHER...  What else.\n\n"
        "Options:\n"
        "  -t TEXT, --text TEXT  What to write on it.\n"
        "  --colour WORD         In which.\n"
        "  --at WHEN             When.\n"
        "  --depth TEXT          How deep.\n"
        "  --coats NUMBER        How often. [default: 2]\n"
        "  --seconds NUMBER      How fast.\n"
        "  --label TEXT          A mark.\n"
        "  -w, --wet             Do not wait.\n"
        "  --dry                 Not --wet. [default]\n"
        "  -h, --help            Show this message and exit.\n"
        "  --version             Show the version and exit.\n"
    )
