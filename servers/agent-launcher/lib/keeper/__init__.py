"""The keeper: spawns, watches, limits, stops and records attempts. This room needs only Python, no package."""
