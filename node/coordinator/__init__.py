"""What the house does on the chains and for defaults, after the hub made it final. See ../README.md."""
