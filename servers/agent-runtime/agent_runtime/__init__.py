"""Remembers jobs, sessions, events and callbacks; never starts a process."""
