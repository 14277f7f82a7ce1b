"""A scripted agent of the Agent Client Protocol, on nothing but what comes with Python."""
