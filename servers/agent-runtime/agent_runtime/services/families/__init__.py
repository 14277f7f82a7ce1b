"""Parents and children: who is told of whose end, and what a tree costs."""
