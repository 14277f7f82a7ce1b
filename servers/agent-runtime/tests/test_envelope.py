"""A child's words are data: they cannot close the envelope, open another one, or hide what they say."""

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_runtime.domain.callback import EXCERPT_CHARACTERS, Callback, CallbackState
from agent_runtime.domain.envelope import RESULTS_CHARACTERS_MAX, write_news
from agent_runtime.domain.ids import CallbackId, JobId, SessionId
from agent_runtime.domain.session import SessionStatus
from agent_runtime.domain.wishes import CallbackPolicy

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
CHILD = Callback(
    id=CallbackId("cb_1"),
    parent_session_id=SessionId("ses_1"),
    parent_session_name="boss",
    child_session_id=SessionId("ses_2"),
    child_session_name="child",
    child_agent_name="echo",
    job_id=JobId("job_1"),
    round=1,
    policy=CallbackPolicy.EACH,
    group_name=None,
    state=CallbackState.PENDING,
    state_reason=None,
    outcome=SessionStatus.FINISHED,
    reason=None,
    error=None,
    result_excerpt="",
    result_characters=0,
    delivery_job_id=None,
    created_at=NOW,
    rested_at=NOW,
    delivered_at=None,
    settled_at=None,
)


def said(text: str) -> Callback:
    """A child that answered this."""
    return replace(CHILD, result_excerpt=text[:EXCERPT_CHARACTERS], result_characters=len(text))


@given(st.text(max_size=300))
def test_whatever_a_child_says_there_is_one_envelope_and_the_text_is_inside(text: str) -> None:
    message = write_news("boss", [said(text)], [], NOW)

    assert len(re.findall(r"</?agent-news", message)) == 2
    envelope = ElementTree.fromstring(message)  # noqa: S314 - our own words, which is what is tested
    assert [child.tag for child in envelope] == ["child"]
    assert {part.tag for part in envelope.iter()} <= {"agent-news", "child", "result"}


@given(st.text(max_size=100))
def test_a_name_or_an_error_opens_nothing_either(text: str) -> None:
    failed = replace(CHILD, outcome=SessionStatus.FAILED, error=text, child_agent_name=text)

    envelope = ElementTree.fromstring(write_news("boss", [failed], [], NOW))  # noqa: S314 - as above

    assert {part.tag for part in envelope.iter()} <= {"agent-news", "child", "error"}


@pytest.mark.parametrize("hidden", ["\u202e", "\u2066", "\x1b", "\u200b", "\x00", "\ufeff"])
def test_what_would_hide_or_turn_text_around_is_shown_as_such(hidden: str) -> None:
    message = write_news("boss", [said(f"a{hidden}b")], [], NOW)

    assert hidden not in message
    assert "a\ufffdb" in message


def test_the_runtime_fills_in_who_what_and_when() -> None:
    message = write_news("boss", [replace(said("done"), reason=None)], ["slow"], NOW)

    assert 'sender="agent-runtime" to="boss" at="2026-01-02T03:04:05.000000Z" children="1"' in message
    assert '<child session="child" agent="echo" status="finished" at="2026-01-02T03:04:05.000000Z"' in message
    assert "Still at work: slow." in message
    assert "ao-get-result NAME" in message
    assert "get_agent_session_result" in message


def test_a_long_result_is_cut_and_says_where_the_rest_is() -> None:
    message = write_news("boss", [said("x" * 1_000_000)], [], NOW)

    assert len(message) < EXCERPT_CHARACTERS + 2_000
    assert '<result characters="1000000" shown="4000">' in message
    assert "996000 more characters: read the whole result" in message


def test_many_children_share_the_room() -> None:
    message = write_news("boss", [said("x" * 4_000) for _ in range(100)], [], NOW)

    assert message.count("x") < RESULTS_CHARACTERS_MAX + 500
    assert message.count("<child ") == 100
