"""Real processes, hurt on purpose: what docs/reference/fault-tests.md promises is proved here."""
