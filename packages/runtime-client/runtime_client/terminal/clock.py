"""Times for a person at a terminal: local, with the date where it is not today's, or how long ago."""

from datetime import date, datetime


def local_time(told: str, today: date) -> str:
    """Return a time of the runtime's as this machine's clock shows it; what is no time is returned as it is."""
    try:
        local = datetime.fromisoformat(told).astimezone()
    except (ValueError, OverflowError):
        return told
    return f"{local:%H:%M:%S}" if local.date() == today else f"{local:%Y-%m-%d %H:%M:%S}"


def age(told: str, now: datetime) -> str:
    """Return how long ago a time of the runtime's was, in its largest unit; what is no time is returned as it is."""
    try:
        seconds = max((now - datetime.fromisoformat(told)).total_seconds(), 0.0)
    except (ValueError, TypeError, OverflowError):
        return told
    return in_units(seconds)


def in_units(seconds: float) -> str:
    """Return a span of time in its largest unit."""
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{int(seconds / size)}{unit}"
    return f"{int(seconds)}s"
