"""One attempt of a job as the launcher sees it: what it is given, what it leaves, what is reported of it."""
