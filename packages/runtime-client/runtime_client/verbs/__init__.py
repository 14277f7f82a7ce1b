"""What `ao` does beside the `ao-*` commands: one module for each of its words."""
