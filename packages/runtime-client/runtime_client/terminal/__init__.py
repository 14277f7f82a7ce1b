"""What all `ao-*` commands share: arguments, output and exit status."""
