"""The names of the files in a run directory, and the bytes that pass a shim's gate; standard library only."""

JOB_FILE = "job.json"
LOCK_FILE = "lock"
STARTED_FILE = "started"
OUTPUT_FILE = "output.log"
EXIT_FILE = "exit.json"
STOP_FILE = "stop.json"
ACKED_FILE = "acked"
OUTCOME_FILE = "outcome.json"
PROMPT_FILE = "prompt"
CRASH_FILE = "shim.err"

# From the shim: I hold the lock; another holds it; none could be forked (a sentence follows); the verdict is there.
LOCKED, BUSY, FAILED, ENDED = b"l", b"b", b"f", b"e"
# From the launcher: run the command.
GO = b"g"
