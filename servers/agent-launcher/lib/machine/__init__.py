"""What the launcher stands on: disk, threads, time, and the way to its keepers."""
