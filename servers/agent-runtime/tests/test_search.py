"""A session is found by what was asked of it and what came of it, in both databases, and by nothing once it is gone."""

import asyncio

import pytest
from household import PowerCutError

from agent_runtime.domain.ids import SessionId
from agent_runtime.domain.reasons import Reason
from agent_runtime.domain.search_words import phrases_of, words_of
from agent_runtime.services.ports.queries import SessionFilter
from agent_runtime.services.ports.store import Announcement, Transaction
from agent_runtime.services.sessions.search_index import advance
from agent_runtime.services.sessions.sessions import delete_session, find_session, list_sessions, stop_session
from agent_runtime.upkeep.search_index import SearchIndex
from support.desk import Desk, JsonObject, fresh, items, proof, read
from support.store_rig import StoreRig
from support.waiting import wait_until


def found(rig: StoreRig, question: str, within: SessionId | None = None) -> set[str]:
    """The names of the sessions that a search answers."""
    wanted = SessionFilter(limit=50, text=question)
    return {one.name for one in rig.do(lambda tx: list_sessions(tx, wanted, within=within))}


def catch_up(rig: StoreRig) -> None:
    """Let the index take every step that is open."""
    while rig.do(advance):
        pass


def test_words_are_found_whatever_their_case_accents_and_neighbours() -> None:
    assert list(words_of("Café_au-lait: /srv/My.App, 7%")) == ["cafe", "au", "lait", "srv", "my", "app", "7"]
    assert phrases_of(' srv/My.App  "naïve" - ') == [["srv", "my", "app"], ["naive"]]


def test_a_session_is_found_by_prompt_folder_and_id_in_any_words_of_them(rig: StoreRig) -> None:
    job = rig.create("one", prompt="Repair the Café's billing\nplease", project_dir="/srv/shop/api-v2")
    rig.create("two", prompt="Repaint the shed", project_dir="/srv/shop/web")
    catch_up(rig)

    for question in ("cafe BILL", "billing repair", "café's", "shop/api", "api-v2", job.id, job.id[:20], "one", "ne"):
        assert "one" in found(rig, question), question
    assert found(rig, "shop") == {"one", "two"}
    assert found(rig, "shop bill") == {"one"}
    for question in ("illing", "api/shop", "café shed", '"OR" NEAR(', "* ' : & | !", "'", '"', "\\"):
        assert found(rig, question) == set(), question


def test_a_search_inside_a_tree_finds_only_what_belongs_to_it(rig: StoreRig) -> None:
    top = rig.create("top", prompt="gather apples")
    rig.create("below", prompt="wash apples", parent_session_name="top")
    rig.create("other", prompt="eat apples")
    catch_up(rig)

    assert found(rig, "apples") == {"top", "below", "other"}
    assert found(rig, "apples", within=top.session_id) == {"top", "below"}


def test_sessions_from_before_the_index_are_found_once_it_has_caught_up(rig: StoreRig) -> None:
    for number in range(120):
        rig.create(f"old-{number}", prompt=f"ancient{number} thing")
    assert found(rig, "ancient") == set()

    catch_up(rig)

    assert found(rig, "ancient119") == {"old-119"}
    assert len(found(rig, "ancient thing")) == 50


def test_a_step_that_dies_is_done_again_and_a_deleted_session_leaves_the_index(rig: StoreRig) -> None:
    rig.create("kept", prompt="alpha beta")
    catch_up(rig)
    gone = rig.create("gone", prompt="alpha gamma")

    def die(tx: Transaction) -> None:
        advance(tx)
        raise PowerCutError

    with pytest.raises(PowerCutError):
        rig.do(die)
    rig.reopen()
    assert found(rig, "alpha") == {"kept"}
    catch_up(rig)
    assert found(rig, "alpha") == {"kept", "gone"}
    rig.do(lambda tx: _stop_and_delete(tx, "gone"))

    texts = rig.do(lambda tx: tx.search.texts(gone.session_id, 10, 10))
    assert (found(rig, "alpha"), texts) == ({"kept"}, None)
    catch_up(rig)
    assert found(rig, "gamma") == set()


def _stop_and_delete(tx: Transaction, name: str) -> None:
    session = find_session(tx, name)
    stop_session(tx, session, Reason.STOPPED_BY_USER, tree=False)
    delete_session(tx, session)


def test_the_index_follows_commits_by_itself_and_sleeps_when_nothing_happened(rig: StoreRig) -> None:
    index = SearchIndex(rig.store)
    rig.runner.run(index.do_round())
    rig.create("followed", prompt="quick brown fox")
    index.hear(Announcement(rig.do(lambda tx: tx.events.after(0, 100))))
    rig.runner.run(index.do_round())
    assert found(rig, "brown fox") == {"followed"}

    async def is_asleep() -> bool:
        waiting = asyncio.ensure_future(index.do_round())
        await asyncio.sleep(0)
        return not waiting.done() and waiting.cancel()

    assert rig.runner.run(is_asleep())


def test_errors_and_results_are_found_over_http_with_their_numbers(desk: Desk) -> None:
    word, other = f"w{fresh()}".replace("-", ""), f"r{fresh()}".replace("-", "")
    job = desk.run()
    failure: JsonObject = {**proof(job), "reason": "backend_auth", "error": f"no {word} here", "exit_code": 1}
    read(desk.post(f"/launcher/jobs/{job['job_id']}/failed", failure))
    done = desk.start()
    read(
        desk.post(f"/sessions/{done['session_name']}/events", {"type": "result", "data": {"text": f"the {other} came"}})
    )

    def answer(question: str) -> tuple[list[object], object]:
        page = read(desk.get("/sessions", q=question, counts="true"))
        return [one["session_name"] for one in items(page["sessions"])], page["counts"]

    wait_until(lambda: answer(word)[0] and answer(other)[0], "the words are found")
    assert answer(word) == ([job["session_name"]], {"failed": 1})
    assert answer(other[:-2])[0] == [done["session_name"]]
