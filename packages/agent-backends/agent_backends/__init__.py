"""One file per kind of agent, behind one Protocol."""
