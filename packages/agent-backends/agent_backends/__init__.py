"""One folder for each kind of agent, behind one Protocol."""
