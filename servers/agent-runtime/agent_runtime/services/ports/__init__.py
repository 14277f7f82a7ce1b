"""What the verbs ask of a store: the seam between the services and the databases."""
