"""The fault ledger: which fault, if any, explains a difference.

A fault explains only what it can do: an outage explains that a system was not reached or did not answer in time, a lost
receipt that this receipt never arrived, a drifted schema that an answer was kept back, an expired token that this call
got 401. No fault explains a missing record, a broken chain, or two effects of one key.
"""

from __future__ import annotations

from typing import Any

from controlplane.simulation.verify.difference import Difference
from controlplane.simulation.verify.evidence import Evidence

SLACK_US = 8_000_000  # what began in a window may show only when deadlines, retries and a backlog have run out

#: problem codes with which the gateway says that a system did not answer, or that its outcome is not known yet
SYSTEM_CODES = frozenset(
    {"upstream-unreachable", "upstream-timeout", "upstream-broken", "in-doubt", "idempotency-key-running"}
)
#: kinds of faults that keep a system from answering, and those that change what it answers
UNREACHED = frozenset({"outage", "unavailable", "slowness"})
DRIFTED = frozenset({"schema_drift"})


class Ledger:
    def __init__(self, faults: list[dict[str, Any]]) -> None:
        self._faults = faults
        self._objects = {name: fault["fault"] for fault in faults for name in fault["objects"]}

    def of_system(self, system: str, from_us: int, to_us: int, kinds: frozenset[str] = UNREACHED) -> str:
        """The fault of `system`, of one of `kinds`, that overlaps the time; "" when there is none."""
        for fault in self._faults:
            is_near = fault["from_us"] <= to_us and from_us <= fault["to_us"] + SLACK_US
            if fault["target"] == system and fault["fault_kind"] in kinds and is_near:
                return str(fault["fault"])
        return ""

    def of_object(self, value: str) -> str:
        """The fault that names the object, "" when there is none."""
        return str(self._objects.get(value, ""))

    def touched(self, kind: str) -> dict[str, str]:
        """The objects that faults of `kind` name, and which fault does."""
        lines = (fault for fault in self._faults if fault["fault_kind"] == kind)
        return {name: str(line["fault"]) for line in lines for name in line["objects"]}

    def of_call(self, fault: str) -> str:
        """The ledger's line for the fault a call says it belongs to, "" when the ledger has no such line."""
        return fault if any(line["fault"] == fault for line in self._faults) else ""


def ledger_differences(evidence: Evidence) -> list[Difference]:
    """The ledger has exactly one line for each planned fault, about what was planned."""
    found: list[Difference] = []
    lines: dict[str, list[dict[str, Any]]] = {}
    for line in evidence.faults:
        lines.setdefault(line["fault"], []).append(line)
    for fault in evidence.planned_faults:
        told = lines.pop(fault.id, [])
        agrees = len(told) == 1 and (told[0]["fault_kind"], told[0]["target"]) == (fault.kind, fault.target)
        if not agrees or not set(fault.objects) <= set(told[0]["objects"]):
            sides = {"plan": f"{fault.kind} of {fault.target}", "ledger": f"{len(told)} line(s)"}
            found.append(Difference("fault-not-recorded", fault.id, sides))
    found += [
        Difference("fault-not-planned", name, {"plan": "nothing", "ledger": told[0]["fault_kind"]})
        for name, told in lines.items()
    ]
    return found
