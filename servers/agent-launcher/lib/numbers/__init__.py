"""What a monitoring system may ask of one launcher: what it has done so far, and what it has at the moment."""
