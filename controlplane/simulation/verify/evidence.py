"""The files of a run directory, loaded and indexed. Nothing here judges."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec

from catalog.calendar import BusinessTime, business_times
from catalog.errors import Invalid
from catalog.measure import Measure
from catalog.record import Entry, Exchange
from catalog.slo import SloSpec
from catalog.workspace import load as load_workspace
from catalog.workspace import read_directory
from controlplane.simulation.fault import Fault
from controlplane.simulation.log import read_log
from controlplane.simulation.plan import Plan

T = TypeVar("T")


class Chain(NamedTuple):
    """The entries of one stream as one side holds them: lines verbatim, without their newline."""

    lines: tuple[bytes, ...]


class Evidence(msgspec.Struct, frozen=True, dict=True):
    """Everything a run left behind. `logs` are keyed by file name below the run directory."""

    plans: tuple[Plan, ...]
    logs: dict[str, list[dict[str, Any]]]
    gateway: tuple[Chain, ...]  # as the gateway exported it
    controlplane: tuple[Chain, ...]  # as the control plane holds it
    figures: dict[str, Any]  # the API's answers at the end: {"slos", "overview", "objects": {slo: {"bad", "open"}}}
    slos: dict[str, SloSpec]  # as the run's workspace declares them
    measures: dict[str, Measure]
    times: dict[str, BusinessTime] = {}  # business time of each legal entity

    @cached_property
    def calls(self) -> list[dict[str, Any]]:
        """Every attempt that a client or system made."""
        return [line for lines in self.logs.values() for line in lines if line["kind"] == "call"]

    @cached_property
    def requests(self) -> list[dict[str, Any]]:
        """Every request that a system received."""
        return [line for lines in self.logs.values() for line in lines if line["kind"] == "request"]

    @cached_property
    def faults(self) -> list[dict[str, Any]]:
        """The fault ledger."""
        return [line for lines in self.logs.values() for line in lines if line["kind"] == "fault"]

    @cached_property
    def planned_faults(self) -> list[Fault]:
        return [fault for plan in self.plans for fault in plan.faults]

    @cached_property
    def entries(self) -> list[Entry]:
        """Entries of the gateway's export, in order within each stream."""
        decode = msgspec.json.Decoder(Entry).decode
        return [decode(line) for chain in self.gateway for line in chain.lines]

    @cached_property
    def records(self) -> list[Exchange]:
        """Exchange records of the gateway's export, in order within each stream."""
        decode = msgspec.json.Decoder(Exchange).decode
        return [decode(entry.body) for entry in self.entries if entry.kind == "exchange"]

    @cached_property
    def intents(self) -> set[str]:
        """Exchange ids of mutating calls that were about to go upstream."""
        return {json.loads(bytes(entry.body))["exchange_id"] for entry in self.entries if entry.kind == "intent"}


def load(run_dir: Path) -> Evidence:
    """Raises: Invalid when files are missing, or are not what a run writes."""
    try:
        plans = _document(run_dir / "plan.json", list[Plan])
        workspace = load_workspace(read_directory(run_dir / "workspace"))
        return Evidence(
            plans=tuple(plans),
            logs={
                str(path.relative_to(run_dir)): read_log(path)
                for path in [*_logs(run_dir / "clients"), *_logs(run_dir / "systems"), run_dir / "faults.ndjson"]
            },
            gateway=tuple(chain for path in _logs(run_dir / "gateway") for chain in _chains(path)),
            controlplane=_chains(run_dir / "controlplane.ndjson"),
            figures=_document(run_dir / "figures.json", dict[str, Any]),
            slos=workspace.slos,
            measures=workspace.measures,
            times=business_times(workspace.entities.values(), workspace.calendars),
        )
    except FileNotFoundError as error:
        raise Invalid(f"{run_dir} is not a complete run directory: {error.filename} is missing") from error
    except (ValueError, KeyError) as error:
        raise Invalid(f"{run_dir} holds a file that cannot be read: {error}") from error


def split(content: bytes) -> tuple[Chain, ...]:
    """Stream lines one stream after the other; each stream starts with sequence number 1."""
    chains: list[list[bytes]] = []
    for line in content.splitlines():
        if not chains or json.loads(line)["seq"] == 1:
            chains.append([])
        chains[-1].append(line)
    return tuple(Chain(tuple(lines)) for lines in chains)


def _chains(path: Path) -> tuple[Chain, ...]:
    """Raises: Invalid naming file and line when a line is no stream entry."""
    content = path.read_bytes()
    decode = msgspec.json.Decoder(Entry).decode
    for number, line in enumerate(content.splitlines(), start=1):
        try:
            decode(line)
        except msgspec.DecodeError as error:
            raise Invalid(f"{path} line {number} is no stream entry: {error}") from error
    return split(content)


def _document(path: Path, kind: type[T]) -> T:
    """Raises: Invalid naming the file."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except msgspec.DecodeError as error:
        raise Invalid(f"{path} cannot be read: {error}") from error


def _logs(folder: Path) -> list[Path]:
    found = sorted(folder.glob("*.ndjson"))
    if not found:
        raise FileNotFoundError(2, "no log", str(folder / "*.ndjson"))
    return found
