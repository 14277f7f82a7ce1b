"""What clients tell of the limits of their accounts is taken for what it can be, whatever they say."""

import pytest

from agent_backends.claude.failures import ClientResult, limit_in, reason_of
from agent_backends.client.limits_told import limit_told
from agent_backends.codex.limits import reset_sentence, used_up
from agent_backends.protocol import Limit
from runtime_client.reasons import Reason
from runtime_client.wire import JsonObject

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


USED_UP: JsonObject = {"status": "rejected", "rateLimitType": "five_hour", "resetsAt": 2e9}


def test_an_account_whose_calls_go_on_as_extra_usage_is_not_used_up() -> None:
    assert limit_in({**USED_UP, "isUsingOverage": True}) is None
    assert limit_in({**USED_UP, "overageStatus": "allowed"}) is None
    assert limit_in({**USED_UP, "overageStatus": "allowed_warning", "isUsingOverage": True}) is None
    assert limit_in({**USED_UP, "overageStatus": "rejected", "isUsingOverage": False}) == Limit("5-hour limit", 2e9)
    assert limit_in({**USED_UP, "overageStatus": {}}) == Limit("5-hour limit", 2e9)


@pytest.mark.parametrize(
    ("subtype", "terminal", "reason"),
    [
        ("error_max_turns", None, Reason.BUDGET_EXCEEDED),
        ("error_max_budget_usd", None, Reason.BUDGET_EXCEEDED),
        ("success", "max_turns", Reason.BUDGET_EXCEEDED),
        ("success", "prompt_too_long", Reason.CONTEXT_OVERFLOW),
        ("success", None, Reason.QUOTA_EXHAUSTED),
        ("success", "api_error", Reason.QUOTA_EXHAUSTED),
    ],
)
def test_a_turn_that_fails_of_its_own_end_does_not_fail_of_the_limit(
    subtype: str, terminal: str | None, reason: Reason
) -> None:
    ended = ClientResult(
        is_error=True,
        subtype=subtype,
        terminal_reason=terminal,
        model_error="rate_limit",
        limit=limit_in(USED_UP),
    )

    assert reason_of(ended) is reason


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        ("Your quota will reset after 20h52m12s.", 75_132),
        ("Please try again in 6m0s.", 360),
        ("Please try again in 1m3.5s. Visit", 63.5),
        ("Retry in 1d2h", 93_600),
        ("try again in 1 hour, 2 minutes and 3 seconds", 3_723),
        ("resets in 3h 20m", 12_000),
        ("try again in 20s, you have used 5 of 5", 20),
    ],
)
def test_a_time_in_words_is_read_with_its_units_joined_or_apart(words: str, seconds: float) -> None:
    told = limit_told(Reason.RATE_LIMITED, None, words, lambda: 1_000.0)

    assert told == Limit(retry_at=1_000.0 + seconds)


@pytest.mark.parametrize(
    "words", ["Please try again in 854ms.", "resets in 2 months", "try again in 5 moments", "in 5m"]
)
def test_what_goes_on_in_letters_is_not_the_unit_that_it_begins_with(words: str) -> None:
    assert limit_told(Reason.RATE_LIMITED, None, words, lambda: 1_000.0) is None
