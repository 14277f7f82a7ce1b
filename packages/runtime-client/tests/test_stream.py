"""The event stream, as lines."""

from runtime_client.watching.stream import Gap, events_of_stream

EVENT = 'data: {"seq":%d,"type":"message","at":"2026-01-01T00:00:00.000000Z","data":{}}'


def test_a_gap_says_where_the_stream_goes_on_and_takes_no_event_along() -> None:
    lines = ["retry: 1000", "", "id: 9", "event: gap", 'data: {"after":3,"oldest_seq":1,"newest_seq":9}', ""]
    lines += [": still here", "", "id: 10", EVENT % 10, ""]

    found = list(events_of_stream(iter(lines)))

    assert [one.seq for one in found] == [9, 10]
    assert [isinstance(one, Gap) for one in found] == [True, False]
