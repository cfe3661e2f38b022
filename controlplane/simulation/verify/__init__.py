"""Compares, from the files of a run directory alone, what clients, systems, gateway and control plane wrote down.

`evidence` loads the files; `stream`, `exchange`, `effect`, `lifecycle` and `figure` each compare one thing and
return differences; `ledger` says which fault explains one, and which never can be; `report` sums up. Pure but for
`evidence`.
"""

from controlplane.simulation.verify.difference import Difference
from controlplane.simulation.verify.evidence import Evidence, load
from controlplane.simulation.verify.report import Report, verify

__all__ = ["Difference", "Evidence", "Report", "load", "verify"]
