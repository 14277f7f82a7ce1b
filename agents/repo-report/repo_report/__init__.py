"""What the agent `repo-report` is made of; Python's own library only."""
