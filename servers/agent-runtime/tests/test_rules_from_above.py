"""What the blueprints of those above a session say holds for it, whoever is deleted, and wherever it says it works."""

from dataclasses import replace

from inquiry import USER, Inquiry

from agent_runtime.domain.permissions import Verdict
from agent_runtime.services.jobs.elders import line_of
from agent_runtime.services.sessions.sessions import delete_session, find_session, sayable


def test_what_a_session_above_may_not_do_holds_below_it_when_those_in_between_are_deleted(inquiry: Inquiry) -> None:
    house = inquiry.house
    inquiry.permissions = {"strict": {"default": "allow", "deny": ["Bash"]}, "echo": "allow"}
    house.run("boss", agent_name="strict")
    middle = house.run("middle", "boss")
    child = house.run("child", "middle")
    assert inquiry.ask(child, "c1").verdict is Verdict.DENY

    house.end(middle)
    house.do(lambda tx: delete_session(tx, find_session(tx, "middle")))

    assert inquiry.ask(child, "c2").verdict is Verdict.DENY
    assert inquiry.ask(house.run("grandchild", "child"), "c1").verdict is Verdict.DENY


def test_a_session_that_began_before_its_elders_were_kept_is_held_to_those_that_are_there(inquiry: Inquiry) -> None:
    house = inquiry.house
    inquiry.permissions = {"strict": {"default": "allow", "deny": ["Bash"]}, "echo": "allow"}
    house.run("boss", agent_name="strict")
    child = house.run("child", "boss")
    session = house.session(child.session_name)

    kept, found = house.do(lambda tx: (line_of(tx, session), line_of(tx, replace(session, elders=None))))

    assert [one.agent_name for one in kept] == ["echo", "strict"]
    assert found == kept


def test_a_rule_is_about_the_folder_of_the_session_whose_blueprint_has_it(inquiry: Inquiry) -> None:
    house = inquiry.house
    inquiry.permissions = {
        "strict": {"default": "allow", "deny": ["Read(secrets/**)"]},
        "narrow": {"default": "deny", "allow": ["Read(docs/**)"]},
        "echo": "allow",
    }
    strict = house.run("strict", agent_name="strict", project_dir="/p")
    below = house.run("below", "strict", project_dir="/p/docs")
    assert inquiry.read(strict, "/p/secrets/key") is Verdict.DENY
    assert inquiry.read(below, "/p/secrets/key") is Verdict.DENY
    assert inquiry.read(below, "../secrets/key") is Verdict.DENY
    assert inquiry.read(below, "secrets/key") is Verdict.ALLOW, "it is another folder, below its own"

    house.run("narrow", agent_name="narrow", project_dir="/p")
    elsewhere = house.run("elsewhere", "narrow", project_dir="/elsewhere")
    assert inquiry.read(elsewhere, "/elsewhere/docs/a") is Verdict.DENY
    assert inquiry.read(elsewhere, "/p/docs/a") is Verdict.ALLOW


def test_an_agent_cannot_move_the_folder_that_rules_are_about(inquiry: Inquiry) -> None:
    house = inquiry.house
    agent, known = inquiry.caller(house.run("asker", project_dir="/p")), house.session("asker")

    assert sayable(agent, known, {"project_dir": "/", "backend": "x"}) == {"backend": "x"}
    assert sayable(USER, known, {"project_dir": "/"}) == {"project_dir": "/"}
    assert sayable(agent, replace(known, project_dir=None), {"project_dir": "/p"}) == {"project_dir": "/p"}
