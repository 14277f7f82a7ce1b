"""Brings the programs that tests need, one after the other, before the tests run side by side."""

import sys

from support.bubblewrap import ensure_bubblewrap
from support.chromium import NoBrowserError, ensure_chromium
from support.postgres import NoPostgresError, ensure_postgres
from support.real_clients import ensure_real_clients
from support.shells import ensure_shells


def main() -> int:
    """The exit status: 0 when everything is here."""
    for ensure in (ensure_postgres, ensure_chromium):
        try:
            sys.stdout.write(f"found {ensure()}\n")
        except (NoPostgresError, NoBrowserError) as error:
            sys.stderr.write(f"{error}\n")
            return 1
    # Without these some tests are skipped, for a reason that `support.skips` knows or refuses.
    for bring in (ensure_bubblewrap, ensure_shells, ensure_real_clients):
        sys.stdout.write(f"{bring()}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
