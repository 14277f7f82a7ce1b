"""Stands before a real command: writes down that it begins, and becomes it.

Run as `witnessed_command.py COMMAND ARGUMENT...`, with the Python of the command. What it holds, the command holds on.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # noqa: PTH100, PTH120

# Found only after the line above: `python -I` knows no folder of ours.
from support import scripted_ao_start as witness


def main() -> None:
    """Write it down, and become the command."""
    os.set_inheritable(witness.begin_a_life("command"), True)
    witness.write("command", born=witness.born(os.getpid()), note=os.environ.get("AGENT_OUTCOME_FILE", ""))
    os.execv(sys.executable, [sys.executable, "-I", *sys.argv[1:]])  # noqa: S606


if __name__ == "__main__":
    main()
