"""Who comes in: connections, the guard and its rules."""
