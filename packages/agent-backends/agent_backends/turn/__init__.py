"""One prompt for one session: what it needs, put together and run."""
