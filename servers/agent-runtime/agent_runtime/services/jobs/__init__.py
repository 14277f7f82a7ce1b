"""Orders and what becomes of them: taken or refused, queued, held, moved, stopped."""
