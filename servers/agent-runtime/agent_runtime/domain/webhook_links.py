"""Where on the page a person sees what a piece of news is about."""

from urllib.parse import quote, urlsplit

from agent_runtime.domain.webhook import Delivery, News

_CHARACTERS_MAX = 500


def is_page_url(text: str) -> bool:
    """Tell whether a text can be the address of the page."""
    if len(text) > _CHARACTERS_MAX or not text.isascii() or not text.isprintable() or " " in text:
        return False
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    is_plain = not parts.query and not parts.fragment and "@" not in parts.netloc
    return parts.scheme in ("http", "https") and bool(parts.hostname) and is_plain


def link_of(delivery: Delivery, page_url: str) -> str | None:
    """Lead to where somebody can do something about it; None if nobody said where the page is."""
    if not page_url:
        return None
    names = {name: value for name, value in delivery.data.items() if isinstance(value, str)}
    match delivery.news:
        case News.SESSION_NEEDS_INPUT:
            place = f"questions/{_part(names.get('question_id'))}"
        case News.QUOTA_HELD:
            place = "queue"
        case News.TEST:
            place = f"webhooks/{_part(delivery.webhook_name)}"
        case _:
            place = f"sessions/{_part(names.get('session_name'))}"
    return f"{page_url.rstrip('/')}/#/{place}"


def _part(name: str | None) -> str:
    return quote(name or "", safe="")
