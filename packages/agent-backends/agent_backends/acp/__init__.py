"""The kind of agent `acp`: whatever speaks the Agent Client Protocol."""
