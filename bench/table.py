"""One table for people: each figure beside what it stands next to in the same run, and what it is to reach."""

HEAD = ("figure", "measured", "in the same run", "ratio", "aim")


class Table:
    """Prints each row as it is known, so that a long measurement can be followed."""

    def __init__(self) -> None:
        self._is_begun = False

    def section(self, text: str) -> None:
        """Say what the next rows are about."""
        print(f"\n### {text}\n", flush=True)
        self._is_begun = False

    def row(self, what: str, value: float, unit: str, aim: str = "", beside: "tuple[str, float] | None" = None) -> None:
        """Print one figure; `beside` is what it is to be judged by, in the same unit."""
        shown, ratio = "", ""
        if beside is not None:
            shown, ratio = f"{beside[0]}: {_shown(beside[1])} {unit}", f"{value / beside[1]:.2f} x" if beside[1] else ""
        if not self._is_begun:
            self._print(HEAD)
            self._print(("---", "---:", "---", "---:", "---"))
            self._is_begun = True
        self._print((what, f"{_shown(value)} {unit}", shown, ratio, aim))

    def _print(self, cells: tuple[str, ...]) -> None:
        print(f"| {' | '.join(cells)} |", flush=True)


def _shown(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
