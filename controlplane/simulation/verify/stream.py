"""Logs without gaps, chains without breaks, and the same bytes in the gateway and in the control plane."""

from __future__ import annotations

import json
from itertools import zip_longest

from catalog.snapshot import sha256_hex
from controlplane.simulation.verify.difference import Difference
from controlplane.simulation.verify.evidence import Chain, Evidence


def log_differences(evidence: Evidence) -> list[Difference]:
    """Every log counts its lines from 1 without gaps and ends with `end`."""
    found: list[Difference] = []
    for name, lines in evidence.logs.items():
        numbers = [line["n"] for line in lines]
        missing = sorted(set(range(1, max(numbers, default=0) + 1)) - set(numbers))
        if missing or len(numbers) != len(set(numbers)):
            found.append(Difference("log-gap", name, {"log": f"lines missing or twice: {missing[:5]}"}))
        if not lines or lines[-1]["kind"] != "end":
            found.append(Difference("log-open", name, {"log": "does not end with `end`"}))
    return found


def stream_differences(evidence: Evidence) -> list[Difference]:
    """Chains are whole on both sides, and both sides hold the same bytes."""
    sides = {"gateway": evidence.gateway, "controlplane": evidence.controlplane}
    found = [one for side, chains in sides.items() for chain in chains for one in _breaks(side, chain)]
    unmatched = {_name(chain): chain for chain in evidence.controlplane}
    for chain in evidence.gateway:
        other = unmatched.pop(_name(chain), Chain(()))
        found += _mismatches(_name(chain), chain, other)
    for name, chain in unmatched.items():
        found += _mismatches(name, Chain(()), chain)
    return found


def _name(chain: Chain) -> str:
    """A stream is told by its first line, which no other stream has."""
    return f"stream {sha256_hex(chain.lines[0])[:12]}"


def _breaks(side: str, chain: Chain) -> list[Difference]:
    previous, found = "", []
    for number, line in enumerate(chain.lines, start=1):
        entry = json.loads(line)
        if entry["seq"] != number or entry["prev"] != previous:
            found.append(Difference("chain-broken", f"{_name(chain)} line {number}", {side: f"seq {entry['seq']}"}))
            break
        previous = sha256_hex(line)
    return found


def _mismatches(name: str, gateway: Chain, controlplane: Chain) -> list[Difference]:
    for number, (ours, theirs) in enumerate(zip_longest(gateway.lines, controlplane.lines), start=1):
        if ours != theirs:
            sides = {"gateway": _short(ours), "controlplane": _short(theirs)}
            return [Difference("stream-differs", f"{name} line {number}", sides)]
    return []


def _short(line: bytes | None) -> str:
    return "no such line" if line is None else f"sha256 {sha256_hex(line)[:12]}"
