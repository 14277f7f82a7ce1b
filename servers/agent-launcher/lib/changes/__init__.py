"""What differs in a Git repository that nobody here trusts."""
