"""The loops that the runtime runs for itself."""
