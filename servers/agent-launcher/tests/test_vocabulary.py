"""What an answer without a code of ours means: it never ends what another runtime, or nobody, has said."""

from __future__ import annotations

import pytest

from lib.wire.models import JsonObject
from lib.wire.vocabulary import Meaning, Vocabulary

NOT_FOUND: JsonObject = {"detail": "Not Found"}
NOT_REGISTERED: JsonObject = {"detail": "Launcher not registered"}


def vocabulary(epoch: int | None) -> Vocabulary:
    made = Vocabulary()
    made.registered(epoch)
    return made


@pytest.mark.parametrize("verb", ["log", "stopped", "declined", "forget"])
def test_a_call_that_is_not_there_is_left_out_until_the_next_registration(verb: str) -> None:
    runtime = vocabulary(epoch=1)
    assert not runtime.lacks(verb)

    assert runtime.meaning_of(verb, 404, NOT_FOUND) is Meaning.CALL_IS_MISSING
    assert runtime.lacks(verb)

    runtime.registered(2)
    assert not runtime.lacks(verb)


def test_a_runtime_without_epochs_is_asked_for_nothing_but_the_first_calls() -> None:
    runtime = vocabulary(epoch=None)

    lacking = {verb for verb in ("log", "stopped", "declined", "forget") if runtime.lacks(verb)}

    assert lacking == {"log", "stopped", "declined", "forget"}
    assert not any(runtime.lacks(verb) for verb in ("register", "poll", "heartbeat", "started", "completed", "failed"))


@pytest.mark.parametrize("verb", ["started", "completed", "failed", "log", "stopped", "poll", "heartbeat"])
@pytest.mark.parametrize("status", [404, 401, 403, 502])
def test_a_proxys_page_ends_nothing_at_our_runtime(verb: str, status: int) -> None:
    assert vocabulary(epoch=1).meaning_of(verb, status, None) is Meaning.PASSES


@pytest.mark.parametrize("verb", ["started", "completed", "failed"])
@pytest.mark.parametrize("status", [400, 401, 404, 409, 422, 500])
def test_no_end_is_dropped_at_our_runtime_for_a_sentence_without_a_code(verb: str, status: int) -> None:
    assert vocabulary(epoch=1).meaning_of(verb, status, NOT_FOUND) is Meaning.PASSES


@pytest.mark.parametrize("epoch", [None, 1])
@pytest.mark.parametrize("verb", ["poll", "heartbeat"])
@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_whoever_knows_us_no_more_is_registered_with_anew(epoch: int | None, verb: str, status: int) -> None:
    assert vocabulary(epoch).meaning_of(verb, status, NOT_REGISTERED) is Meaning.WE_ARE_UNKNOWN


@pytest.mark.parametrize(
    ("status", "told", "meaning"),
    [
        (401, NOT_REGISTERED, Meaning.WE_ARE_UNKNOWN),
        (404, NOT_REGISTERED, Meaning.WE_ARE_UNKNOWN),
        (404, {"detail": "Job not found"}, Meaning.IS_FINAL),
        (409, {}, Meaning.IS_FINAL),
        (404, None, Meaning.PASSES),
        (429, NOT_FOUND, Meaning.PASSES),
        (500, NOT_FOUND, Meaning.PASSES),
    ],
)
def test_a_runtime_without_codes_is_understood_by_what_it_says(
    status: int, told: JsonObject | None, meaning: Meaning
) -> None:
    assert vocabulary(epoch=None).meaning_of("completed", status, told) is meaning
