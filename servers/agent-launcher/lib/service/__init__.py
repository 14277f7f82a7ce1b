"""For the person who runs a launcher: look at the machine, install a service, tell a service manager."""
