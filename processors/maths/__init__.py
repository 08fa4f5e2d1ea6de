"""Arithmetic that several processors share: exact sums, windows, run-length conditions. Pure, numpy only."""
