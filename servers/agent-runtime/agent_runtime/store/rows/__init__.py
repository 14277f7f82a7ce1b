"""The statements: one file for each kind of row."""
