"""What happens in a session, on its way to the runtime."""
