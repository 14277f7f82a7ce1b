"""The kind of agent `command`: any program."""
