"""What it can do wrong, each by its name on the command line: `--fault NAME`."""

from collections.abc import Mapping

FAULTS: Mapping[str, str] = {
    "silent": "answers nothing at all",
    "silent-prompt": "answers everything but the prompt",
    "bad-json": "prints lines that are no JSON between its messages",
    "half-line": "ends in the middle of the line that answers the prompt",
    "long-line": "says one megabyte in one line",
    "slow-load": "takes its time to load a conversation, and replays it piece by piece",
    "ghost-session": "tells an id of a conversation that it does not keep",
    "orphan-child": "leaves a process behind that has let go of it, and holds its pipes open",
    "permission-asked": "asks for permission before each command",
    "only-always": "asks for permission and offers nothing but always and never",
    "limit-reached": "answers each prompt with the error of a usage limit",
    "hidden-failure": "ends the turn normally, with the failure of a model call typed in its answer",
    "dies": "dies in the middle of the turn, after its first words",
    "late-answer": "goes on after it is cancelled, and answers as if it had not been",
    "deaf": "goes on after it is cancelled, and neither leaves nor hears SIGTERM",
    "other-version": "speaks version 2 of the protocol only",
    "deaf-config": "answers that an option is set, and sets nothing",
    "stray-answers": "answers requests that nobody made, and each of its own twice",
}
