"""Each command of README.md and of docs/how-to does what its page says, in a fresh home and without `uv`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from documents.examples import Examples
from documents.pages import PAGES, Block, Command, all_commands, blocks, commands, unlike
from documents.stage import MODEL_PORT, Stage
from documents.table import CLAUDE, LISTED, MAKE_RUN, NEEDS, PLACEHOLDERS, RUNTIME, SERVERS, ready_word, why_listed
from support.bubblewrap import why_not

pytestmark = pytest.mark.long

RUN, SHOWN = ("console", "json", "python"), ("text", "sh", "mermaid")
STARTS = {
    CLAUDE: (f"PYTHONPATH=tests .venv/bin/python -m support.model_stand_in --port {MODEL_PORT}", MODEL_PORT),
    MAKE_RUN: ("make run", SERVERS["make run"]),
    RUNTIME: (".venv/bin/agent-runtime", SERVERS["agent-runtime"]),
}
FILES = [Command(block.page, block.line, block.text, ()) for page in PAGES for block in blocks(page)]
TYPED = [command for page in PAGES for command in all_commands(page)]
LEFT_OUT = [command for command in (*TYPED, *FILES) if why_listed(command.page, command.text)]


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """A terminal on a machine that has only Python and make."""
    if why := why_not():
        pytest.skip(why)
    built = Stage(tmp_path)
    yield built
    built.leave_nothing()


@pytest.mark.parametrize("page", PAGES)
def test_a_page_does_what_it_says(stage: Stage, page: str) -> None:
    for need in NEEDS.get(page, ()):
        stage.serve(*STARTS[need])
    examples = Examples(stage)

    for block in blocks(page):
        if block.language == "console":
            for command in commands(block):
                play(stage, command)
        elif block.language in RUN:
            examples.put(block)


def play(stage: Stage, command: Command) -> None:
    """Type a command, and compare what it says with what the page shows."""
    if why_listed(command.page, command.text):
        return
    text = filled_in(command.text)
    if ready := ready_word(text):
        stage.serve(text, ready)
        return
    said = stage.type(text)
    heard = f"{command.place}: $ {command.text}\nended with {said.exit_code} and said\n{said.out}{said.err}"
    assert said.exit_code == 0, heard
    wanted = unlike(command.shown, said.out, stage.home) if command.shown else None
    assert wanted is None, f"{heard}\nand the page shows\n{wanted}"


def filled_in(text: str) -> str:
    """A command with what its reader has to fill in."""
    for place, words in PLACEHOLDERS.items():
        text = text.replace(place, words)
    return text


@pytest.mark.parametrize("command", LEFT_OUT, ids=lambda command: command.place)
def test_what_a_page_says_and_cannot_be_run_here(command: Command) -> None:
    pytest.skip(f"a command of a page is not run here: {why_listed(command.page, command.text)}")


def test_the_table_has_no_word_that_no_page_needs() -> None:
    reasons = {(command.page, why_listed(command.page, command.text)) for command in LEFT_OUT}
    typed = [command.text for command in TYPED]

    assert [entry for entry in LISTED if (entry.page, entry.because) not in reasons] == []
    assert [entry for entry in LISTED if not any(text.startswith(entry.begins) for text in texts(entry.page))] == []
    assert sorted(set(NEEDS) - set(PAGES)) == []
    assert [words for words in (*PLACEHOLDERS, *SERVERS) if not any(words in text for text in typed)] == []


def test_every_block_of_a_page_says_what_it_is() -> None:
    unknown = [
        f"{block.page}:{block.line} is '{block.language}'"
        for block in every_block()
        if block.language not in (*RUN, *SHOWN) and not why_listed(block.page, block.text)
    ]
    empty = [
        f"{block.page}:{block.line} has no line that begins with '$ '"
        for block in every_block()
        if block.language == "console" and not list(commands(block))
    ]

    assert [*unknown, *empty] == []


def every_block() -> Iterator[Block]:
    """The blocks of all pages."""
    for page in PAGES:
        yield from blocks(page)


def texts(page: str) -> list[str]:
    """What stands in a page's blocks, and each of its commands."""
    return [*(block.text for block in blocks(page)), *(command.text for command in all_commands(page))]


def test_what_a_page_shows_is_compared_loosely() -> None:
    home = Path("/somewhere")

    assert unlike(("All are done:", "- 412 files in …"), "All are done:\n- 7 files in this folder\n", home) is None
    assert unlike(("written: /home/me/x",), "written: /somewhere/x\n", home) is None
    assert unlike(("ok", "…"), "not ok\nsomething\n", home) is not None
    assert unlike(("3 words",), "3 words\nand more\n", home) is not None
