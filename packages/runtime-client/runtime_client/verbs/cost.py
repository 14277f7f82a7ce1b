"""`ao cost`: what agents cost, by day or in all."""

from collections.abc import Iterable
from typing import Annotated

from runtime_client.exit_codes import ExitCode
from runtime_client.terminal.arguments import Flag
from runtime_client.terminal.command_line import JsonOption, connect, print_json, warn
from runtime_client.terminal.tables import print_table
from runtime_client.wire import JsonObject, optional_number


def main(
    by_day: Annotated[bool, Flag("--by-day", "A line for each day (in UTC), not one for each agent.")] = False,
    as_json: JsonOption = False,
) -> int:
    """Say what the jobs of each agent cost in the last 14 days, the dearest first."""
    with connect() as client:
        days = client.costs()
    if as_json:
        print_json({"cost_by_agent_day": days})
        return ExitCode.SUCCESS
    sums = _sums(days, ("day", "agent_name") if by_day else ("agent_name",))
    headings = (*(("DAY",) if by_day else ()), "AGENT", "JOBS", "INPUT", "OUTPUT", "COST")
    print_table(headings, [(*names, *_shown(told)) for names, told in sums])
    if not sums:
        warn("nothing has run in the last 14 days")
    return ExitCode.SUCCESS


def _sums(
    days: Iterable[JsonObject], by: tuple[str, ...]
) -> list[tuple[tuple[str, ...], tuple[float, float, float, float]]]:
    found: dict[tuple[str, ...], tuple[float, float, float, float]] = {}
    for day in days:
        names = tuple(str(day.get(name)) for name in by)
        jobs, told_in, told_out, cost = (
            before + (optional_number(day, field) or 0.0)
            for before, field in zip(
                found.get(names, (0.0,) * 4), ("jobs", "input_tokens", "output_tokens", "cost_usd"), strict=True
            )
        )
        found[names] = jobs, told_in, told_out, cost
    if len(by) > 1:
        return sorted(found.items(), reverse=True)
    return sorted(found.items(), key=lambda item: (-item[1][3], item[0]))


def _shown(told: tuple[float, float, float, float]) -> tuple[str, str, str, str]:
    jobs, told_in, told_out, cost = told
    return f"{jobs:.0f}", f"{told_in:.0f}", f"{told_out:.0f}", f"${cost:.2f}"
