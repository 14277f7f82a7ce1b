"""The parts of the Agent Launcher."""
