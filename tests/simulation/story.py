"""What happened in a world, line by line, for people who ask why."""


class Story:
    """The events of one seed, in order; the last of them when there are too many."""

    LINES_MAX = 4_000

    def __init__(self) -> None:
        self._lines: list[str] = []

    def tell(self, now: float, who: str, what: str) -> None:
        """Write one line."""
        self._lines.append(f"{now:10.3f}  {who:<11} {what}")

    def text(self) -> str:
        """Give all of it."""
        dropped = len(self._lines) - self.LINES_MAX
        head = [f"({dropped} earlier lines are left out)"] if dropped > 0 else []
        return "\n".join([*head, *self._lines[-self.LINES_MAX :]])
