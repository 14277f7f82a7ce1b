"""The conversations: what can be asked of them, what was said in them."""
