"""What all backends share that drive somebody else's program: its process, its messages, its end."""
