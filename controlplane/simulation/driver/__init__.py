"""The clients of the network in one process: `python -m controlplane.simulation.driver …`.

`client` holds the identities, `journey` walks one transaction step by step, `conductor` breaks things on schedule and
writes the fault ledger. The plan says what; the clock only says when.
"""
