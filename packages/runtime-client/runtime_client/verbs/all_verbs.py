"""The words of `ao`: which of them are the `ao-*` commands, and what each is for. Nothing is loaded to list them."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Verb:
    """One word of `ao`.

    Shape:   `script` is the `ao-*` command that it is; without one, the module here that bears its name is.
    """

    summary: str
    script: str = ""


VERBS: Mapping[str, Verb] = {
    "up": Verb("Start runtime, launcher and page for this user, until Ctrl+C."),
    "start": Verb("Start a session with an agent.", "ao-start"),
    "resume": Verb("Go on with a session.", "ao-resume"),
    "ps": Verb("List sessions, and why they wait or failed.", "ao-list-sessions"),
    "show": Verb("Show all about one session."),
    "status": Verb("Print the status of a session.", "ao-status"),
    "logs": Verb("Show what happened in a session.", "ao-logs"),
    "wait": Verb("Wait for sessions to come to rest.", "ao-wait"),
    "result": Verb("Print the last result of a session.", "ao-get-result"),
    "questions": Verb("List what agents ask.", "ao-questions"),
    "answer": Verb("Answer what an agent asks.", "ao-answer"),
    "ask": Verb("Ask people something from within a session.", "ao-ask"),
    "stop": Verb("Stop what runs in sessions.", "ao-stop"),
    "messages": Verb("List what was said to a session, and what became of it."),
    "edit": Verb("Change the words of a message that waits."),
    "withdraw": Verb("Take back messages that wait."),
    "attempts": Verb("List how often a job was tried, and what came of it."),
    "retry": Verb("Run what failed or was stopped once more."),
    "hold": Verb("Keep what waits from every launcher, or lift that."),
    "holds": Verb("List the accounts whose limit is used up; lift or extend that."),
    "delete": Verb("Delete sessions.", "ao-delete"),
    "queue": Verb("List the jobs that wait, and why."),
    "launchers": Verb("List the launchers."),
    "agents": Verb("List the agents that can be started.", "ao-list-blueprints"),
    "tree": Verb("Draw a session and all that it started."),
    "cost": Verb("Say what agents cost."),
    "events": Verb("Watch everything that happens."),
    "notify": Verb("Have places outside told what happens; test that.", "ao-notify"),
    "login": Verb("Print a link that lets a browser in once."),
    "doctor": Verb("Look at what is needed to run agents here."),
    "config": Verb("Show each setting, and where it came from."),
    "completion": Verb("Print what makes a shell complete these words."),
}
