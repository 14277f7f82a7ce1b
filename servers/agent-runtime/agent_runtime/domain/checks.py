"""What a job asks of its end: a command that has to pass, and a shape that its result has to have."""

from collections.abc import Mapping

from agent_runtime.domain.json import Json

VERIFY = "verify"
OUTPUT_SCHEMA = "output_schema"
VERIFY_ATTEMPTS = "verify_attempts"
"""How often what the verification printed goes back to the agent."""
CHECKS = (VERIFY, VERIFY_ATTEMPTS, OUTPUT_SCHEMA)
VERIFY_ATTEMPTS_DEFAULT = 3
VERIFY_ATTEMPTS_MAX = 20
VERIFY_SECONDS_DEFAULT = 600.0
VERIFY_SECONDS_MAX = 86_400.0
UNCHECKED = (
    "its launcher says that its agent ran to its end, and not that what the job asks of its end holds (its launcher or "
    "its command knows nothing of 'verify' and 'output_schema', or could not say it: use those of this version)"
)
"""The sentence of a job that asks for checks and ends well without a word of them."""


def checks_of(order: Mapping[str, Json], agent: Mapping[str, Json]) -> dict[str, Json]:
    """Tell what is asked of a job's end: what its order says, where that says nothing its agent; empty is nothing."""
    asked: dict[str, Json] = {name: value for name, value in {**agent, **order}.items() if value is not None}
    if VERIFY in asked:
        asked.setdefault(VERIFY_ATTEMPTS, VERIFY_ATTEMPTS_DEFAULT)
    else:
        asked.pop(VERIFY_ATTEMPTS, None)
    return asked
