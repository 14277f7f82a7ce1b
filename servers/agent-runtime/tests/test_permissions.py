"""What several say of one call: the strictest counts, and nobody below allows what somebody above does not."""

import pytest

from agent_runtime.domain.json import Json
from agent_runtime.domain.permission_rules import Call
from agent_runtime.domain.permissions import Permissions, Say, beyond, one_word, read_permissions, strictest

PUSH = Call("Bash", {"command": "git push"}, "/p")
STATUS = Call("Bash", {"command": "git status"}, "/p")


def said(*words: Json) -> list[Permissions | None]:
    """Read what each of a line says, from below to above."""
    return [read_permissions(word) for word in words]


def rules(default: str = "allow", **words: Json) -> Json:
    """Word what a blueprint says by rules."""
    return {"default": default, **words}


@pytest.mark.parametrize(
    ("permissions", "pushing", "looking"),
    [
        ("allow", "allow", "allow"),
        ("deny", "deny", "deny"),
        ({}, "ask", "ask"),
        (rules("deny", allow=["Bash(git status)"]), "deny", "allow"),
        (rules("allow", ask=["Bash(git push:*)"]), "ask", "allow"),
        (rules("allow", allow=["Bash"], ask=["Bash(git:*)"], deny=["Bash(git push:*)"]), "deny", "ask"),
        (rules("ask", allow=["Bash(git push)", "Bash(git status)"]), "allow", "allow"),
    ],
)
def test_of_the_rules_that_fit_a_call_the_strictest_counts_else_the_default(
    permissions: Json, pushing: str, looking: str
) -> None:
    (one,) = said(permissions)
    assert one is not None
    assert (one.verdict(PUSH), one.verdict(STATUS)) == (pushing, looking)


def test_a_rule_that_allows_must_fit_all_of_a_call_and_one_that_denies_a_part() -> None:
    both = Call("Bash", {"command": "git status && git push"}, "/p")
    allowing, asking, denying = said(
        rules("ask", allow=["Bash(git status)"]),
        rules("allow", ask=["Bash(git push:*)"]),
        rules("allow", deny=["Bash(git push:*)"]),
    )
    assert allowing is not None
    assert asking is not None
    assert denying is not None
    assert (allowing.verdict(both), asking.verdict(both), denying.verdict(both)) == ("ask", "ask", "deny")


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        ([None, None], None),
        (["allow", None], "allow"),
        (["allow", "ask"], "ask"),
        (["deny", "allow"], "deny"),
        (["ask", "deny", "allow"], "deny"),
        ([rules("deny", allow=["Bash"]), rules("allow", deny=["Bash(git push:*)"])], "deny"),
        ([rules("ask", allow=["Bash"]), "allow"], "allow"),
    ],
)
def test_of_several_who_have_a_say_none_is_gone_beyond(line: list[Json], verdict: str | None) -> None:
    assert strictest([Say(one) for one in said(*line)], PUSH) == verdict


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ([], None),
        ([None], None),
        (["allow"], "allow"),
        ([None, "allow", "allow"], "allow"),
        (["ask"], "ask"),
        (["allow", "ask"], "ask"),
        (["allow", "deny"], "deny"),
        ([rules("allow", deny=["Bash"])], "ask"),
        ([rules("deny", allow=["Read"])], "ask"),
        ([rules("deny", allow=["Read"]), "deny"], "deny"),
    ],
)
def test_in_one_word_it_is_to_be_asked_wherever_it_depends_on_the_call(line: list[Json], word: str | None) -> None:
    assert one_word(said(*line)) == word


@pytest.mark.parametrize(
    ("line", "asks_for", "only_reads", "unasked"),
    [
        ([rules(deny=["Bash"])], {"*"}, False, None),
        ([None, "deny"], set(), False, None),
        ([rules(deny=["Bash"])], {"Bash"}, False, None),
        ([rules(deny=["Bash", "Edit"])], {"Bash"}, False, "Edit"),
        ([rules(ask=["WebFetch"])], {"Bash", "Edit"}, False, "WebFetch"),
        ([rules(deny=["WebFetch"])], {"Bash"}, True, None),
        ([rules(deny=["Grep"])], {"Bash"}, True, "Grep"),
        ([rules("ask", allow=["Bash"])], {"Bash"}, False, "Read"),
        ([rules("ask", allow=["Bash"])], {"Bash"}, True, "Read"),
        ([rules("ask", allow=["Read"])], {"Bash"}, False, None),
        ([rules(allow=["Bash"]), rules(deny=["Edit"])], {"Bash"}, False, "Edit"),
    ],
)
def test_a_tool_that_is_used_unasked_though_somebody_has_rules_about_it_is_named(
    line: list[Json], asks_for: set[str], only_reads: bool, unasked: str | None
) -> None:
    assert beyond(said(*line), asks_for, only_reads=only_reads) == unasked


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (7, "'allow', 'ask', 'deny', or an object"),
        (["allow"], "'allow', 'ask', 'deny', or an object"),
        ("perhaps", "'allow', 'ask' or 'deny' is expected"),
        ({"default": None}, "'default' 'allow', 'ask' or 'deny' is expected"),
        ({"alow": []}, "there is no key 'alow'"),
        ({"deny": "Bash"}, "'deny' is a list"),
        ({"deny": [7]}, "'deny' is a list"),
        ({"ask": ["Bash"] * 1001}, "'ask' is a list of at most"),
        ({"allow": ["Bash( )"]}, "a rule such as 'Bash'"),
    ],
)
def test_what_nobody_can_hold_an_agent_to_is_refused_with_a_sentence(wrong: Json, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_permissions(wrong)
