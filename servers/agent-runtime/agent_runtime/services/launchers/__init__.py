"""What launchers do: come, poll, claim, report, send output, leave."""
