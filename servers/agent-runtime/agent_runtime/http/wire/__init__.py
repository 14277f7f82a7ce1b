"""What is said: bodies and answers as JSON."""
