"""Sessions can be listed, read, corrected, stopped and deleted by name or id."""

import pytest

from support.desk import Desk, JsonObject, fresh, items, part, read, refused, text


def test_a_session_is_found_by_its_name_and_by_its_id(desk: Desk) -> None:
    made = desk.start()

    by_name = read(desk.get(f"/sessions/{made['session_name']}"))["session"]
    by_id = read(desk.get(f"/sessions/{made['session_id']}"))["session"]

    assert part(by_name)["session_id"] == part(by_id)["session_id"] == made["session_id"]


@pytest.mark.parametrize("name", ["nobody", "ses_nobody", "%00", "ä", "a%20b", "x" * 200, "'; DROP TABLE sessions; --"])
def test_an_unknown_session_is_not_found(desk: Desk, name: str) -> None:
    refused(desk.get(f"/sessions/{name}"), 404, "session_unknown")


def test_the_status_of_a_session_that_nobody_knows_is_no_error(desk: Desk) -> None:
    assert read(desk.get(f"/sessions/{fresh()}/status")) == {"status": "not_existent"}


def test_a_result_is_there_once_an_agent_gave_one(desk: Desk) -> None:
    made = desk.start()
    name = text(made["session_name"])
    refused(desk.get(f"/sessions/{name}/result"), 404, "no_result")

    read(desk.post(f"/sessions/{name}/events", {"type": "result", "data": {"text": "forty-two"}}))

    said = read(desk.get(f"/sessions/{name}/result"))
    assert said == {"result": "forty-two", "status": "pending", "output": None}


def test_lists_are_paged_newest_first_without_holes_or_doubles(desk: Desk) -> None:
    parent = desk.start()
    children = [desk.start(parent_session_name=parent["session_name"])["session_name"] for _ in range(5)]

    found: list[object] = []
    cursor: dict[str, str] = {}
    while True:
        page = read(desk.get("/sessions", parent=text(parent["session_name"]), limit=2, **cursor))
        found += [session["session_name"] for session in items(page["sessions"])]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": text(page["next_cursor"])}

    assert found == children[::-1]


def test_lists_are_narrowed_by_status_agent_tree_and_text(desk: Desk) -> None:
    root = desk.start()
    child = desk.start(parent_session_name=root["session_name"])

    def names(**query: str) -> set[object]:
        return {session["session_name"] for session in items(read(desk.get("/sessions", **query))["sessions"])}

    tree = text(root["session_name"])
    assert names(tree=tree) == {root["session_name"], child["session_name"]}
    assert names(tree=tree, status="running") == set()
    assert names(tree=tree, agent="claude") == set()
    # The child is found too once its texts are read: its parent's name is one of them.
    assert {root["session_name"]} <= names(q=tree.upper()) <= {root["session_name"], child["session_name"]}
    assert names(q="%") == set()


@pytest.mark.parametrize(
    "query", [{"cursor": "x"}, {"limit": 0}, {"limit": 501}, {"status": "odd"}, {"limit": "9" * 50}]
)
def test_a_list_that_makes_no_sense_is_refused(desk: Desk, query: dict[str, str]) -> None:
    refused(desk.http.get("/sessions", params=query), 422, "invalid_parameters")


def test_a_session_comes_with_its_agent_if_that_is_asked_for(desk: Desk) -> None:
    path = f"/sessions/{desk.start()['session_name']}"

    asked, unasked = read(desk.get(path, agent="true")), read(desk.get(path))

    assert asked["agent"] == read(desk.get(f"/agents/{part(asked['session'])['agent_name']}"))
    assert unasked["agent"] is None


def test_metadata_has_a_limit_for_all_of_it_together(desk: Desk) -> None:
    path = f"/sessions/{desk.start()['session_name']}/metadata"
    for number in range(4):
        read(desk.http.patch(path, json={f"heap-{number}": "x" * 250_000}))

    told = refused(desk.http.patch(path, json={"heap-4": "x" * 250_000}), 422, "invalid_parameters")

    assert "at most 1048576 bytes are kept in all" in told
    read(desk.http.patch(path, json={"heap-0": None, "heap-4": "x" * 250_000}))


def test_metadata_sets_known_fields_merges_the_rest_and_null_removes(desk: Desk) -> None:
    path = f"/sessions/{desk.start()['session_name']}"

    read(desk.http.patch(f"{path}/metadata", json={"backend_session_id": "b-1", "color": "red", "size": 1}))
    read(desk.http.patch(f"{path}/metadata", json={"color": None, "hostname": "box"}))

    session = part(read(desk.get(path))["session"])
    assert (session["backend_session_id"], session["hostname"]) == ("b-1", "box")
    assert session["metadata"] == {"size": 1}


@pytest.mark.parametrize(
    "change", [{"project_dir": "relative"}, {"backend": 5}, {"hostname": ""}, {"hostname": "x" * 5000}]
)
def test_a_correction_that_makes_no_sense_changes_nothing(desk: Desk, change: dict[str, object]) -> None:
    path = f"/sessions/{desk.start()['session_name']}"
    before = read(desk.get(path))

    refused(desk.http.patch(f"{path}/metadata", json={"color": "red", **change}), 422, "invalid_parameters")

    assert read(desk.get(path)) == before


def test_a_session_with_work_is_not_deleted_unless_by_force(desk: Desk) -> None:
    made = desk.start()
    path = f"/sessions/{made['session_name']}"
    refused(desk.http.delete(path), 409, "session_busy")

    read(desk.http.delete(path, params={"force": "true"}))

    refused(desk.get(path), 404, "session_unknown")
    refused(desk.get(f"/jobs/{made['job_id']}"), 404, "job_unknown")


def test_children_stay_and_keep_the_name_of_a_parent_that_was_deleted(desk: Desk) -> None:
    parent = desk.start()
    child = desk.start(parent_session_name=parent["session_name"])

    read(desk.http.delete(f"/sessions/{parent['session_name']}", params={"force": "true"}))

    left = part(read(desk.get(f"/sessions/{child['session_name']}"))["session"])
    assert left["parent_session_name"] == parent["session_name"]


def test_a_name_can_be_used_again_after_its_session_was_deleted(desk: Desk) -> None:
    first = desk.start()
    name = text(first["session_name"])
    read(desk.http.delete(f"/sessions/{name}", params={"force": "true"}))

    second = desk.start(name)

    assert second["session_id"] != first["session_id"]


def test_an_idempotency_key_is_free_again_after_its_session_was_deleted(desk: Desk) -> None:
    name, key = fresh(), {"Idempotency-Key": fresh()}
    order: JsonObject = {"type": "start_session", "session_name": name, "agent_name": "echo", "prompt": "p"}
    first = read(desk.http.post("/jobs", json=order, headers=key), 201)
    read(desk.http.delete(f"/sessions/{name}", params={"force": "true"}))

    second = read(desk.http.post("/jobs", json=order, headers=key), 201)

    assert second["job_id"] != first["job_id"]


def test_clearing_deletes_what_is_at_rest_and_names_what_it_kept(desk: Desk) -> None:
    busy, done = desk.start(), desk.start()
    read(desk.post(f"/sessions/{done['session_name']}/stop"))

    cleared = read(desk.http.delete("/sessions"))

    deleted, kept = cleared["deleted"], cleared["kept"]
    assert isinstance(deleted, list)
    assert isinstance(kept, list)
    assert done["session_name"] in deleted
    assert busy["session_name"] in kept
    assert read(desk.get(f"/sessions/{done['session_name']}/status")) == {"status": "not_existent"}


def test_a_stop_reaches_the_whole_tree_unless_told_otherwise(desk: Desk) -> None:
    root = desk.start()
    child = desk.start(parent_session_name=root["session_name"])
    grandchild = desk.start(parent_session_name=child["session_name"])

    alone = read(desk.post(f"/sessions/{child['session_name']}/stop", tree="false"))
    rest = read(desk.post(f"/sessions/{root['session_name']}/stop"))

    assert alone["stopped_jobs"] == [child["job_id"]]
    stopped = rest["stopped_jobs"]
    assert isinstance(stopped, list)
    assert set(stopped) == {root["job_id"], grandchild["job_id"]}
    assert read(desk.post(f"/sessions/{root['session_name']}/stop"))["stopped_jobs"] == []


def test_a_stop_of_running_work_is_asked_of_its_launcher(desk: Desk) -> None:
    made = desk.run()

    stop = read(desk.post(f"/sessions/{made['session_name']}/stop"))

    assert stop["stop_requested"] is True
    assert stop["stopped_jobs"] == [made["job_id"]]


def test_a_running_session_tells_how_old_the_proof_is(desk: Desk) -> None:
    waiting, running = desk.start(), desk.run()

    none = part(read(desk.get(f"/sessions/{waiting['session_name']}"))["session"])["proof_age_seconds"]
    age = part(read(desk.get(f"/sessions/{running['session_name']}"))["session"])["proof_age_seconds"]

    assert none is None
    assert isinstance(age, int | float)
    assert 0 <= age < 60
