"""What an agent of the Agent Client Protocol can do, and where it breaks the protocol: looked at by talking to it."""
