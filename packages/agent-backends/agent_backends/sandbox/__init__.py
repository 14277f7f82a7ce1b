"""What keeps an agent's processes from the rest of the machine, as its blueprint asks."""
