"""The market, as pure functions: instruments, valuation, volatility, risk grid, windows, oracle rules."""
