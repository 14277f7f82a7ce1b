"""The verbs: each is given a transaction and decides what changes."""
