"""One job that this process runs or orders, from what was typed to the exit status."""
