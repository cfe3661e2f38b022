"""Benchmarks: ratios within one run on one machine, reported and never gating. `make bench`."""
