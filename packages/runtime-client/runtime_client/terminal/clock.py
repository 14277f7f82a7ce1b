"""Times for a person at a terminal: local, and with the date where it is not today's."""

from datetime import date, datetime


def local_time(told: str, today: date) -> str:
    """Return a time of the runtime's as this machine's clock shows it; what is no time is returned as it is."""
    try:
        local = datetime.fromisoformat(told).astimezone()
    except (ValueError, OverflowError):
        return told
    return f"{local:%H:%M:%S}" if local.date() == today else f"{local:%Y-%m-%d %H:%M:%S}"
