"""Brings the programs that tests need, one after the other, before the tests run side by side."""

import sys

from support.chromium import NoBrowserError, ensure_chromium
from support.postgres import NoPostgresError, ensure_postgres


def main() -> int:
    """The exit status: 0 when everything is here."""
    for ensure in (ensure_postgres, ensure_chromium):
        try:
            sys.stdout.write(f"found {ensure()}\n")
        except (NoPostgresError, NoBrowserError) as error:
            sys.stderr.write(f"{error}\n")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
