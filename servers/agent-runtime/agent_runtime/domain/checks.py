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


def asks_for_checks(checks: Mapping[str, Json]) -> bool:
    """Tell whether anything is to be checked: how often alone is no check."""
    return VERIFY in checks or OUTPUT_SCHEMA in checks
