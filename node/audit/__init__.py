"""What the holder of an auditor's key does: make the key, be named by owners, read what they named it for."""
