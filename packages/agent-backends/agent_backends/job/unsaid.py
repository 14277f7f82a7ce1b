"""What a start goes by that its command line does not say."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from agent_backends.job.options import StartOptions
from runtime_client.errors import UsageError
from runtime_client.start_defaults import Told, pairs_in, start_defaults
from runtime_client.terminal.arguments import duration

_READ_TIMEOUT = duration(0.001)


def with_defaults(given: StartOptions, environment: Mapping[str, str]) -> StartOptions:
    """Return what was typed, and where that says nothing what environment, project's file and user's file say.

    Errors:  UsageError.
    """
    folder = (given.project_dir or Path()).expanduser().absolute()
    told = start_defaults(environment, folder, _READ_TIMEOUT)
    if not told:
        return given
    limits = pairs_in(told["limits"].value) if "limits" in told else {}
    typed = {word.partition("=")[0].strip() for word in given.wishes.limits}
    kept = tuple(f"{name}={value}" for name, value in limits.items() if name not in typed)
    return replace(
        given,
        agent=given.agent if given.agent is not None or "agent" not in told else told["agent"].value,
        labels=given.labels or [f"{name}={value}" for name, value in _pairs(told.get("labels"))],
        timeout_seconds=given.timeout_seconds if given.timeout_seconds is not None else _timeout(told.get("timeout")),
        wishes=replace(given.wishes, limits=(*given.wishes.limits, *kept)),
    )


def _pairs(told: Told | None) -> list[tuple[str, str]]:
    return [] if told is None else list(pairs_in(told.value).items())


def _timeout(told: Told | None) -> float | None:
    if told is None:
        return None
    try:
        return _READ_TIMEOUT(told.value)
    except ValueError as cause:
        raise UsageError(f"cannot use the timeout {told.value!r} of {told.source}: {cause}") from cause
