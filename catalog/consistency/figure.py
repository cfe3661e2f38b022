"""SLOs and measures: the operations, events and objectives that they name."""

from __future__ import annotations

from collections.abc import Iterator

from catalog.consistency.known import Known, place_of
from catalog.errors import Problem
from catalog.inventory import Workspace
from catalog.pointer import join
from catalog.slo import HttpSource

_OPERATION = "write <contract>/<operationId>"


def slos(workspace: Workspace, unread: set[str]) -> Iterator[Problem]:
    events = {
        (operation.extension.object, event)
        for version in workspace.versions
        for operation in version.operations
        for event in operation.events
    }
    for name, slo in workspace.slos.items():
        file, _ = place_of(workspace, f"slo/{name}")
        place = "/spec/indicator/spec/ratioMetric/good/metricSource/spec"
        if isinstance(slo.source, HttpSource):
            for index, operation in enumerate(slo.source.operations):
                if _is_missing(workspace, operation, unread):
                    message = f"{operation} is no operation of a contract"
                    yield Problem(message, join(place, "operations", index), file, _OPERATION, "slo")
            continue
        for member, event in (("from", slo.source.from_event), ("to", slo.source.to_event)):
            if not unread and (slo.source.object, event) not in events:
                message = f"no operation has the event {event!r} of {slo.source.object!r}"
                events_of = sorted(str(each) for object_, each in events if object_ == slo.source.object and each)
                remedy = f"events of {slo.source.object}: {', '.join(events_of) or 'none'}"
                yield Problem(message, join(place, member), file, remedy, "slo")


def _is_missing(workspace: Workspace, operation: str, unread: set[str]) -> bool:
    """Whether "<contract>/<operationId>" names nothing."""
    name, _, id_ = operation.partition("/")
    known = (o.id for v in workspace.versions if v.contract.contract == name for o in v.operations)
    return name not in unread and id_ not in known


def measures(workspace: Workspace, unread: set[str], known: Known) -> Iterator[Problem]:
    for name, measure in workspace.measures.items():
        file, pointer = place_of(workspace, f"measure/{name}")
        named = [("slo", measure.slo)] if measure.slo is not None else []
        for place, slo in [*named, *((f"slos/{index}", slo) for index, slo in enumerate(measure.slos))]:
            if not known.has("slo", slo):
                text = f"SLO {slo!r} does not exist"
                yield Problem(text, f"{pointer}/{place}", file, known.remedy("slo", slo), "measure")
        for index, operation in enumerate(measure.operations):
            if _is_missing(workspace, operation, unread):
                place = join(pointer, "operations", index)
                yield Problem(f"{operation} is no operation of a contract", place, file, _OPERATION, "measure")
