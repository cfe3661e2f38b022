"""The command line `waybill`: one module per command group, collected in `program`.

Commands talk to a running control plane through `client`; `connection` finds its address and token; `output` prints.
Nothing heavy is imported before a command needs it.
"""

from __future__ import annotations


def main() -> None:
    """Entry point of the console script."""
    from controlplane.cli.program import run

    run()
