"""Adapters to the EVM chains: contracts, certificates, watching final blocks, relaying transactions."""
