"""What agents ask of people while they work: asked once, answered once, taken once."""
