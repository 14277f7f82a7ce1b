"""A conversation can be read from its end."""

from support.desk import Desk, JsonObject, items, part, read, text

NEWEST = 2**53 - 1


def test_the_last_events_come_first_and_the_pages_go_backwards(desk: Desk) -> None:
    path = f"/sessions/{desk.start()['session_name']}/events"
    told: list[JsonObject] = [{"type": "message", "data": {"role": "assistant", "text": str(n)}} for n in range(7)]
    read(desk.post(path, {"events": [*told]}))

    pages: list[list[object]] = []
    before = NEWEST
    while True:
        page = read(desk.get(path, types="message", limit=3, before=before))
        pages.append([part(event["data"])["text"] for event in items(page["events"])])
        if page["next_cursor"] is None:
            break
        before = int(text(page["next_cursor"]))

    assert pages == [["4", "5", "6"], ["1", "2", "3"], ["0"]]
