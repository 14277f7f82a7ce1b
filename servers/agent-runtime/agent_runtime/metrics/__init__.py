"""What a monitoring system reads: what this runtime has done so far, and how much there is right now."""
