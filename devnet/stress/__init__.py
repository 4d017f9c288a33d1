"""The stress laboratory: an agent-based market on the ledger's own code."""
