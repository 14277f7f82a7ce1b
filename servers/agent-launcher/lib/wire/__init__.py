"""How the launcher speaks to the runtime: the values on the wire, and the connection."""
