"""Compares, from the files of a run directory alone, what clients, systems, gateway and control plane wrote down.

`evidence` loads the files; `stream`, `exchange`, `effect` and `figure` each compare one thing and return differences;
`telling` computes figures from the records; `ledger` says which fault explains a difference; `report` sums up. Pure but
for `evidence`.
"""

from controlplane.simulation.verify.difference import Difference
from controlplane.simulation.verify.evidence import Evidence, load
from controlplane.simulation.verify.report import Report, verify

__all__ = ["Difference", "Evidence", "Report", "load", "verify"]
