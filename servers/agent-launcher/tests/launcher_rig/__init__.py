"""What the launcher's tests share: a small runtime that speaks the wire's words, and real launchers and commands."""
