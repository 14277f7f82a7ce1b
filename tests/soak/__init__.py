"""A chaos soak with real processes: `make soak MINUTES=30`, or `make soak MINUTES=30 SEED=7` to play a plan again."""
