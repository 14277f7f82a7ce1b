"""The nouns and their rules; imports nothing of ours."""
