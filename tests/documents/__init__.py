"""Every document runs: what README.md and the pages of docs/how-to say to type is typed, as it stands there."""
