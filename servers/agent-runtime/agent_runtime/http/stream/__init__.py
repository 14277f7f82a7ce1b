"""Who watches: the event stream."""
