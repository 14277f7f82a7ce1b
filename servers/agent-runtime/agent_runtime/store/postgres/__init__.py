"""The shared database, perhaps with other runtimes beside."""
