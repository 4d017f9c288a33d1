"""The owner's side of the house: wallet of openings, margin prover, and a client of the gRPC services.

`node.client.sdk.ZkClear` is the way in; README.md beside this file has an example and what an owner should know.
It imports of the node nothing but the ledger's messages and the market's rules.
"""
