"""Tables, queries and migrations: one store, two databases."""
