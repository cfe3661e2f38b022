"""`python -m controlplane`: the command line, for hosts without the console script on their path."""

from __future__ import annotations

from controlplane.cli import main

main()
