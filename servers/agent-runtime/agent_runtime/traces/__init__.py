"""What a tracing system is sent: the story of each job, told when an attempt of it has ended. Off by default."""
