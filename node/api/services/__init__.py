"""One module per service of clearing.v1."""
