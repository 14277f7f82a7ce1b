"""However much a turn tells, what is written down of it stays within a bound."""

import json
from itertools import pairwise

from agent_backends.turn.bounded_events import EVENT_BYTES, FIRST_BYTES_MAX, LAST_BYTES_MAX, BoundedEvents
from runtime_client.wire import JsonObject, integer

WIDTH = 20_000
FLOOD = 20 * (FIRST_BYTES_MAX + LAST_BYTES_MAX) // WIDTH


def test_what_fits_is_handed_on_as_it_comes() -> None:
    sent: list[tuple[str, JsonObject]] = []
    events = BoundedEvents(lambda kind, data: sent.append((kind, data)))

    events.send("message", {"text": "now"})

    assert sent == [("message", {"text": "now"})]
    events.finish()
    assert len(sent) == 1


def test_of_a_flood_the_first_and_the_last_are_kept_in_order_and_what_is_missing_is_told() -> None:
    sent: list[JsonObject] = []
    events = BoundedEvents(lambda _, data: sent.append(data))

    for number in range(FLOOD):
        events.send("message", {"number": number, "text": "x" * WIDTH})
    told_on_the_way = [data for data in sent if "number" not in data]
    events.finish()

    numbers = [integer(data, "number") for data in sent if "number" in data]
    assert (numbers[0], numbers[-1]) == (0, FLOOD - 1)
    assert [b - a for a, b in pairwise(numbers) if b - a != 1] == [events.left_out + 1]
    assert sum(len(json.dumps(data)) + EVENT_BYTES for data in sent) < FIRST_BYTES_MAX + LAST_BYTES_MAX + 10_000
    # Whoever watches sees that it goes on, more and more rarely.
    assert 3 <= len(told_on_the_way) <= 20
    assert f"[... {events.left_out} events of this turn with " in str(sent)
