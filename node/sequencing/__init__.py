"""Ordering: message pool, rotating proposer, votes, certificates, commitment on the hub, finality. See ../README.md."""
