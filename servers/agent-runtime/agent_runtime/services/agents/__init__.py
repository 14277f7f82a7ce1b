"""The agents' blueprints: found, read and written as files."""
