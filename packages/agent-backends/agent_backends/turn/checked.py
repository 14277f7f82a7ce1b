"""Runs the turns of a job of which more is asked than that its agent ends well.

After each turn its result is looked at and the verification is run. What does not hold the agent is told as its next
turn, in the same conversation and the same attempt: who dies in between has said nothing, and a further attempt goes on
with the conversation and checks anew.
"""

import json
import shlex
import time
from collections.abc import Callable
from dataclasses import replace

from agent_backends.protocol import AgentEvent, BackendSession, Ending, Outcome, Turn, Usage, Verified
from agent_backends.turn.output import output_of
from agent_backends.turn.recording import Recorder
from agent_backends.turn.run import StopSwitch, run_turn
from runtime_client.checks import Checks, Verification
from runtime_client.reasons import Reason
from runtime_client.wire import Json, JsonObject

# What an agent is told of a verification's output, and what is kept of it beside the job's log.
OUTPUT_CHARACTERS_MAX = 16 * 1024
ERROR_CHARACTERS_MAX = 1000
_OF_THE_COMMAND = frozenset({Reason.NONZERO_EXIT, Reason.SIGNAL, Reason.TIMED_OUT, Reason.OUTPUT_LIMIT})
_OF_ALL_TURNS = ("max_cost_usd", "max_turns")
_ASKED = "\n\n[Your last message has to be one JSON value and nothing else, and has to fit this JSON Schema:]\n{schema}"
_AGAIN = (
    "[Your last message is not what was asked for: {wrong}. Say it once more. It has to be one JSON value and nothing "
    "else, and has to fit this JSON Schema:]\n{schema}"
)
_FAILED = (
    "[You have ended your turn, and what proves this work done has failed: {command} {how}. Mend the cause, then end "
    "your turn: it will be run again. The last that it printed:]\n\n{output}"
)


async def run_checked(
    turn: Turn,
    checks: Checks,
    recorder: Recorder,
    switch: StopSwitch,
    timeout_seconds: float | None,
    has_asked: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Run turns until what is asked holds, or it has been told often enough that it does not."""
    return await _CheckedTurns(turn, checks, recorder, switch, timeout_seconds, has_asked).run()


class _CheckedTurns:
    """The turns of one attempt, with what they have used together."""

    def __init__(
        self,
        turn: Turn,
        checks: Checks,
        recorder: Recorder,
        switch: StopSwitch,
        timeout_seconds: float | None,
        has_asked: Callable[[], bool],
    ) -> None:
        self._has_asked = has_asked
        self._turn = turn
        self._checks = checks
        self._recorder = recorder
        self._switch = switch
        self._timeout_seconds = timeout_seconds
        self._ends_at = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        self._conversation = turn.backend_session_id
        self._spent = Outcome(Ending.COMPLETED)
        self._times_told = 0
        self._is_asked_again = False

    async def run(self) -> Outcome:
        turn = replace(self._turn, prompt=self._turn.prompt + self._asked())
        while True:
            self._recorder.go_on(turn)
            outcome = await run_turn(turn, self._hear, self._switch, self._seconds_left(), self._has_asked)
            self._spent = outcome = together(self._spent, outcome)
            if outcome.ending is not Ending.COMPLETED:
                return self._timed_out() if outcome.reason is Reason.TIMED_OUT and self._is_late() else outcome
            found = await self._look_at(outcome)
            if isinstance(found, Outcome):
                return found
            if (used_up := self._used_up()) is not None:
                return used_up
            turn = self._next_turn(found)

    def _hear(self, event: AgentEvent) -> None:
        if isinstance(event, BackendSession):
            self._conversation = event.backend_session_id
        self._recorder.record(event)

    async def _look_at(self, outcome: Outcome) -> Outcome | str:
        """Return the end of the job, or what is to be said to the agent."""
        schema = self._checks.output_schema
        if schema is not None:
            output = await output_of(outcome.result_text, schema)
            if output.wrong is not None:
                return self._refuse_output(outcome, output.wrong)
            self._is_asked_again = False
            outcome = replace(outcome, output=output.value)
        wrong = None if self._checks.verify is None else await self._verify(self._checks.verify, outcome)
        return replace(outcome, is_checked=True) if wrong is None else wrong

    def _refuse_output(self, outcome: Outcome, wrong: str) -> Outcome | str:
        if self._is_asked_again:
            error = f"the result does not fit the job's 'output_schema', and was asked for twice: {wrong}"
            return _failed(outcome, Reason.OUTPUT_INVALID, error)
        self._is_asked_again = True
        return _AGAIN.format(wrong=wrong, schema=_text_of(self._checks.output_schema))

    async def _verify(self, verify: Verification, outcome: Outcome) -> Outcome | str | None:
        """Run the command; return the end of the job, or what is to be said to the agent, or None if it passed."""
        began = time.monotonic()
        seconds = min(verify.timeout_seconds, self._seconds_left() or verify.timeout_seconds)
        ran = await run_turn(_as_command(self._turn, verify), _tell_nobody, self._switch, seconds)
        if ran.ending is Ending.STOPPED:
            return replace(outcome, ending=Ending.STOPPED)
        if ran.reason is not None and ran.reason not in _OF_THE_COMMAND:
            return _failed(outcome, ran.reason, f"cannot run the verification: {ran.error}")
        found = _verified(verify, ran, time.monotonic() - began)
        self._recorder.record_verification(found)
        if found.is_passed:
            return None
        if self._is_late():
            return self._timed_out()
        how, command = _how(found), shlex.join(verify.command)
        if self._times_told >= self._checks.verify_attempts:
            last_words = found.output[-ERROR_CHARACTERS_MAX:].strip() or "(it printed nothing)"
            times = f", {self._times_told + 1} times in all" if self._times_told else ""
            error = f"the verification {command!r} {how}{times}:\n{last_words}"
            return _failed(outcome, Reason.VERIFICATION_FAILED, error)
        self._times_told += 1
        return _FAILED.format(command=command, how=how, output=found.output or "(nothing)") + self._asked()

    def _next_turn(self, prompt: str) -> Turn:
        blueprint = replace(self._turn.blueprint, limits=self._limits_left())
        return replace(
            self._turn, prompt=prompt, resumed=True, backend_session_id=self._conversation, blueprint=blueprint
        )

    def _asked(self) -> str:
        schema = self._checks.output_schema
        return "" if schema is None else _ASKED.format(schema=_text_of(schema))

    def _limits_left(self) -> JsonObject:
        """Tell what is left of those limits of a prompt that its client counts anew for each turn."""
        limits = dict(self._turn.blueprint.limits)
        used = {"max_cost_usd": self._spent.cost_usd, "max_turns": self._spent.model_calls}
        for name in _OF_ALL_TURNS:
            most = limits.get(name)
            if isinstance(most, int | float) and not isinstance(most, bool):
                limits[name] = most - (used[name] or 0)
        return limits

    def _used_up(self) -> Outcome | None:
        left = self._limits_left()
        for name in _OF_ALL_TURNS:
            number = left.get(name)
            if isinstance(number, int | float) and number <= 0:
                error = f"what proves this work done does not hold yet, and {name!r} of its agent's limits is used up"
                return _failed(self._spent, Reason.BUDGET_EXCEEDED, error)
        return None

    def _seconds_left(self) -> float | None:
        return None if self._ends_at is None else max(self._ends_at - time.monotonic(), 0.001)

    def _is_late(self) -> bool:
        return self._ends_at is not None and time.monotonic() >= self._ends_at

    def _timed_out(self) -> Outcome:
        name, seconds = self._turn.blueprint.name, self._timeout_seconds
        error = f"agent {name!r} and what proves its work done did not end within {seconds:g} seconds and was stopped"
        return _failed(self._spent, Reason.TIMED_OUT, error)


def _as_command(turn: Turn, verify: Verification) -> Turn:
    """Return a turn that runs the command where the agent runs: its environment, its sandbox, its secrets hidden."""
    # What it says of its failure stands on either output; together they keep their order.
    command = ("sh", "-c", 'exec "$@" 2>&1', "sh", *verify.command)
    blueprint = replace(
        turn.blueprint,
        backend="command",
        command=command,
        options={"allow_empty_result": True},
        # How long it may be silent is its own time limit, and not how long its agent's model may be.
        stalls={"told_after_seconds": 0, "stopped_after_seconds": 0},
    )
    return replace(turn, prompt="", blueprint=blueprint, people=None)


def _verified(verify: Verification, ran: Outcome, seconds: float) -> Verified:
    is_passed = ran.ending is Ending.COMPLETED
    output = ran.result_text if len(ran.result_text) <= OUTPUT_CHARACTERS_MAX else _end_of(ran.result_text)
    return Verified(
        command=verify.command,
        is_passed=is_passed,
        output=output,
        exit_code=0 if is_passed else ran.exit_code,
        signal=ran.signal,
        error=_why_we_ended_it(verify, ran.reason),
        seconds=round(seconds, 3),
    )


def _end_of(text: str) -> str:
    return f"[... {len(text) - OUTPUT_CHARACTERS_MAX} characters left out ...]\n{text[-OUTPUT_CHARACTERS_MAX:]}"


def _why_we_ended_it(verify: Verification, reason: Reason | None) -> str | None:
    if reason is Reason.TIMED_OUT:
        return f"did not end within {verify.timeout_seconds:g} seconds"
    return "printed more than its machine keeps" if reason is Reason.OUTPUT_LIMIT else None


def _how(found: Verified) -> str:
    if found.signal is not None:
        return f"was ended by signal {found.signal}"
    return found.error or f"ended with code {found.exit_code}"


def _failed(outcome: Outcome, reason: Reason, error: str) -> Outcome:
    return replace(outcome, ending=Ending.FAILED, reason=reason, error=error, output=None)


def together(before: Outcome, now: Outcome) -> Outcome:
    """Return the newer outcome with what both have used; what neither tells stays untold."""
    costs = [cost for cost in (before.cost_usd, now.cost_usd) if cost is not None]
    calls = [count for count in (before.model_calls, now.model_calls) if count is not None]
    usages = [usage for usage in (before.usage, now.usage) if usage is not None]
    return replace(
        now,
        cost_usd=sum(costs) if costs else None,
        model_calls=sum(calls) if calls else None,
        usage=_sum(usages) if usages else None,
        unwritten=now.unwritten or before.unwritten,
    )


def _sum(usages: list[Usage]) -> Usage:
    return Usage(
        sum(one.input_tokens for one in usages),
        sum(one.output_tokens for one in usages),
        sum(one.cache_read_tokens for one in usages),
        sum(one.cache_write_tokens for one in usages),
    )


def _tell_nobody(event: AgentEvent) -> None:
    """Take what a verification prints, which is told when it has ended."""
    del event


def _text_of(schema: Json) -> str:
    return json.dumps(schema, ensure_ascii=False)
