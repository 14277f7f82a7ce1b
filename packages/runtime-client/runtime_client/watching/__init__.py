"""Hearing what happens in sessions, and waiting for it."""
