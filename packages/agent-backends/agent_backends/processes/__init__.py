"""Processes of the machine: the tree below one, the end of one, and the signals to one."""
