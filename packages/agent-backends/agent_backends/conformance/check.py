"""Everything that is looked at, one after the other; what an agent does not declare is not asked of it."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from agent_backends.client.failures import one_line
from agent_backends.client.loose import is_true, part, parts, whole, word
from agent_backends.client.peer import METHOD_NOT_FOUND, GoneError, RefusedByPeerError
from agent_backends.conformance.findings import Findings
from agent_backends.conformance.probe import Probe, Subject, probe_of
from runtime_client.wire import JsonObject

HELLO_PROMPT = "say: hello\nAnswer with the word hello, and use no tool."
RECALL_PROMPT = "recall\nWhich word were you asked to answer with? Use no tool."
LONG_PROMPT = "say: counting\nthink: on\nwait: 300\nCount slowly from 1 to 100000, one number a line. Use no tool."
UNKNOWN = "11111111-1111-4111-8111-111111111111"
LEAVE_SECONDS = 5.0


async def check(subject: Subject, *, prompts: bool = True) -> Findings:
    """Look at an agent; without `prompts` it is asked for nothing that calls a model."""
    findings = Findings()
    try:
        capabilities = await _hello(subject, findings)
        if capabilities is None:
            return findings
        session_id = await _first_session(subject, findings, prompts=prompts)
        await _unknown_session(subject, findings, capabilities)
        if prompts and session_id:
            await _go_on(subject, findings, capabilities, session_id)
            await _cancel(subject, findings)
    except OSError as error:
        findings.broken("program", f"cannot start {subject.command[0]!r}: {error}")
    return findings


async def _hello(subject: Subject, findings: Findings) -> JsonObject | None:
    async with probe_of(subject, findings) as probe:
        hello = await _asked(findings, "initialize", probe.hello)
        if hello is None:
            return None
        if whole(hello, "protocolVersion") != 1:
            findings.broken("version", f"answered {hello.get('protocolVersion')!r} to version 1")
            return None
        about = part(hello, "agentInfo")
        findings.ok("initialize", f"{word(about, 'title') or word(about, 'name')} {word(about, 'version')}".strip())
        capabilities = part(hello, "agentCapabilities")
        for subject_name, can in _declared(capabilities).items():
            findings.ok(subject_name, "declared") if can else findings.cannot(subject_name, "not declared")
        await _unknown_method(probe, findings)
        await _leaves(probe, findings)
        return capabilities


def _declared(capabilities: JsonObject) -> dict[str, bool]:
    session = part(capabilities, "sessionCapabilities")
    return {
        "session/load": is_true(capabilities, "loadSession"),
        "session/resume": "resume" in session,
        "MCP over http": is_true(capabilities, "mcpCapabilities", "http"),
    }


async def _unknown_method(probe: Probe, findings: Findings) -> None:
    try:
        await probe.ask("_agent_orchestrator/no_such_method", {})
    except RefusedByPeerError as refusal:
        if refusal.code != METHOD_NOT_FOUND:
            findings.broken("unknown method", f"refused with {refusal.code}, expected {METHOD_NOT_FOUND}")
        else:
            findings.ok("unknown method", "refused")
    except (TimeoutError, GoneError):
        findings.broken("unknown method", "not answered")
    else:
        findings.broken("unknown method", "answered as if it were known")


async def _leaves(probe: Probe, findings: Findings) -> None:
    probe.process.close_input()
    try:
        exit_code = await asyncio.wait_for(probe.process.wait_for_exit(), LEAVE_SECONDS)
    except TimeoutError:
        findings.broken("end of input", f"still there {LEAVE_SECONDS:g} seconds after its input has ended")
    else:
        findings.ok("end of input", f"leaves with {exit_code}")


async def _first_session(subject: Subject, findings: Findings, *, prompts: bool) -> str:
    async with probe_of(subject, findings) as probe:
        await probe.hello()
        opened = await _asked(findings, "session/new", lambda: probe.ask("session/new", _place(subject)))
        session_id = word(opened or {}, "sessionId")
        if not session_id:
            return ""
        options = [word(one, "id") for one in parts(opened or {}, "configOptions")]
        findings.ok("session/new", f"options: {', '.join(options)}" if options else "no configuration options")
        if not prompts:
            return session_id
        answer = await _prompt(probe, findings, session_id, HELLO_PROMPT)
        return session_id if answer is not None else ""


async def _prompt(probe: Probe, findings: Findings, session_id: str, text: str) -> JsonObject | None:
    answer = await _asked(findings, "session/prompt", lambda: probe.ask("session/prompt", _said(session_id, text)))
    if answer is None:
        return None
    if word(answer, "stopReason") != "end_turn":
        findings.broken("session/prompt", f"ended with {answer.get('stopReason')!r}, expected 'end_turn'")
        return None
    if not probe.words():
        findings.broken("session/prompt", "ended well and said nothing")
        return None
    findings.ok("session/prompt", f"said {probe.words()[:40]!r}")
    if part(answer, "usage"):
        findings.ok("tokens", "told")
    else:
        findings.cannot("tokens", "not told")
    return answer


async def _unknown_session(subject: Subject, findings: Findings, capabilities: JsonObject) -> None:
    for method in _ways(capabilities):
        async with probe_of(subject, findings) as probe:
            await probe.hello()
            try:
                await probe.ask(method, {"sessionId": UNKNOWN, **_place(subject)})
            except RefusedByPeerError:
                findings.ok(f"{method}, unknown", "refused")
            except (TimeoutError, GoneError):
                findings.broken(f"{method}, unknown", "not answered")
            else:
                findings.broken(f"{method}, unknown", "a conversation that it does not have was gone on with")


async def _go_on(subject: Subject, findings: Findings, capabilities: JsonObject, session_id: str) -> None:
    for method in _ways(capabilities):
        async with probe_of(subject, findings) as probe:
            await probe.hello()
            asked = {"sessionId": session_id, **_place(subject)}
            if await _asked(findings, method, lambda: probe.ask(method, asked)) is None:  # noqa: B023 - called at once
                continue
            replayed = len(probe.updates)
            probe.updates.clear()
            if await _prompt(probe, findings, session_id, RECALL_PROMPT) is None:
                continue
            remembers = "hello" in probe.words().lower()
            said = f"goes on in another process, {replayed} updates replayed"
            findings.ok(method, said) if remembers else findings.broken(method, "it remembers nothing")


async def _cancel(subject: Subject, findings: Findings) -> None:
    async with probe_of(subject, findings) as probe:
        await probe.hello()
        session_id = word(await probe.ask("session/new", _place(subject)), "sessionId")
        prompting = asyncio.create_task(probe.ask("session/prompt", _said(session_id, LONG_PROMPT)))
        try:
            await probe.wait_until_it_speaks(prompting)
            await probe.cancel(session_id)
            answer = await asyncio.wait_for(prompting, LEAVE_SECONDS)
        except (TimeoutError, GoneError):
            findings.broken("session/cancel", f"not answered within {LEAVE_SECONDS:g} seconds")
        except RefusedByPeerError as refusal:
            findings.broken("session/cancel", f"answered with an error: {one_line(refusal.message)}")
        else:
            found = word(answer, "stopReason")
            is_told = found == "cancelled"
            findings.ok("session/cancel", "obeyed") if is_told else findings.broken(
                "session/cancel", f"ended {found!r}"
            )
        finally:
            prompting.cancel()
            with suppress(asyncio.CancelledError, GoneError, RefusedByPeerError, TimeoutError):
                await prompting


async def _asked(findings: Findings, subject: str, asking: Callable[[], Awaitable[JsonObject]]) -> JsonObject | None:
    try:
        return await asking()
    except RefusedByPeerError as refusal:
        findings.broken(subject, f"refused with {refusal.code}: {one_line(refusal.message)}")
    except TimeoutError:
        findings.broken(subject, "not answered")
    except GoneError:
        findings.broken(subject, "it ended before it answered")
    return None


def _ways(capabilities: JsonObject) -> list[str]:
    declared = _declared(capabilities)
    return [method for method in ("session/resume", "session/load") if declared[method]]


def _place(subject: Subject) -> JsonObject:
    return {"cwd": str(subject.folder), "mcpServers": []}


def _said(session_id: str, text: str) -> JsonObject:
    return {"sessionId": session_id, "prompt": [{"type": "text", "text": text}]}
