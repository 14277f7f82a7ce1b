"""The calls to places outside: what they are pinned to, how much of an answer is read, and where secrets come from."""
