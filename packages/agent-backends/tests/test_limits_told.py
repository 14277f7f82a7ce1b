"""What clients tell of the limits of their accounts is taken for what it can be, whatever they say."""

import pytest

from agent_backends.claude.failures import ClientResult, limit_in, reason_of
from agent_backends.client.limits_told import limit_told
from agent_backends.codex.limits import reset_sentence, used_up
from agent_backends.protocol import Limit
from runtime_client.reasons import Reason

NO_TIMES = [-5, 0, 1e15, 10**400, float("inf"), float("nan"), "soon", True, None]


@pytest.mark.parametrize("at", NO_TIMES, ids=lambda at: str(at)[:20])
def test_what_can_be_no_time_is_told_as_none(at: float) -> None:
    claude = limit_in({"status": "rejected", "rateLimitType": "five_hour", "resetsAt": at})
    window = {"usedPercent": 100, "windowDurationMins": 300, "resetsAt": at}
    codex = used_up({"primary": window}) or Limit("5-hour limit")
    others = limit_told(Reason.RATE_LIMITED, {"resetsAt": at, "retry_after": at}, "", lambda: 2e9) or Limit()

    for limit in (claude, codex):
        assert limit is not None
        assert limit.as_json() == {"name": "5-hour limit", "retry_at": None, "is_of_model": False}
        assert reset_sentence(limit) == ""
    assert others.as_json()["retry_at"] is None


def test_a_refusal_that_names_no_limit_is_over_soon() -> None:
    plain = limit_in({"status": "rejected", "isUsingOverage": False})
    assert plain is None

    refused = ClientResult(is_error=True, subtype="success", api_status=429, model_error="rate_limit", limit=plain)
    assert reason_of(refused) is Reason.RATE_LIMITED
