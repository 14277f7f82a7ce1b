"""The file of settings: what it may say, and its reader. The rule stands in docs/reference/settings.md."""
