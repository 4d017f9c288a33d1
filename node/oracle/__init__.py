"""Where prices come from: aggregator contracts on a node's own chain, or recorded candles."""
