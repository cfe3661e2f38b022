"""What applying a workspace would do to what is in force. Pure: no store, no clock.

The comparison is the catalog's (`catalog.compile.diff`); what only the registry remembers is added here: a version
that was retired and removed keeps its number and its hash for good.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Any

import msgspec

from catalog.compatibility.compared import Comparisons
from catalog.compatibility.release import Release
from catalog.compile import diff, published_of
from catalog.errors import Problem
from catalog.inventory import Workspace
from catalog.snapshot import BlobRef, Manifest, Published
from controlplane.registry.proof import demands_test, untested
from controlplane.registry.release import Reached, judge

PLACES_MOST = 20  # of one document that are told


class InForce(msgspec.Struct, frozen=True):
    """What is in force now, and what ever was."""

    generation: int
    refs: tuple[BlobRef, ...]  # consumers without their keys
    blobs: dict[str, bytes]  # by SHA-256
    versions: dict[str, str]  # "contract/<name>@<version>" -> SHA-256 of every version ever published
    tested: frozenset[str] = frozenset()  # SHA-256 of contract versions that a system was last seen to conform to

    def names(self, kind: str) -> set[str]:
        return {ref.name for ref in self.refs if ref.kind == kind}

    def published(self) -> dict[str, Published]:
        """As the catalog takes it."""
        return published_of(Manifest(self.generation, "", self.refs), self.blobs)


class PlanItem(msgspec.Struct, frozen=True):
    kind: str
    name: str
    sha256: str
    detail: str


class Plan(msgspec.Struct, frozen=True):
    """What an apply would do. With anything in `refused` it does nothing."""

    added: tuple[PlanItem, ...]
    changed: tuple[PlanItem, ...]
    removed: tuple[PlanItem, ...]
    refused: tuple[Problem, ...]
    generation: int  # the one in force when the plan was made
    drafts: tuple[str, ...] = ()  # contract versions that run in shadow only
    notes: tuple[Problem, ...] = ()  # what contracts declare and nobody enforces; waivers that do nothing
    releases: tuple[Release, ...] = ()  # new versions: what their numbers promise, and what their changes ask for
    reached: tuple[Reached, ...] = ()  # contracts that use a canonical schema of which there is a new version

    @property
    def is_empty(self) -> bool:
        return not (self.added or self.changed or self.removed)


def refused_plan(problems: Iterable[Problem], generation: int) -> Plan:
    """The plan of a workspace that cannot be compiled."""
    return Plan((), (), (), tuple(problems), generation)


def make_plan(now: InForce, wanted: Workspace, moment: datetime, comparisons: Comparisons) -> Plan:
    """What applying `wanted` at `moment` would do; it was loaded with `now.published()`."""
    published = now.published()
    found = diff(published, wanted)
    judged = judge(wanted, now.versions, published, moment, comparisons)
    added, changed, removed = (
        tuple(PlanItem(item.kind, item.name, item.sha256, item.detail) for item in group)
        for group in (found.added, found.changed, found.removed)
    )
    reused = _reused_numbers(now.versions, added, wanted.sources)
    drafts = tuple(version.ref for version in wanted.versions if version.state.state == "draft")
    refused = tuple(placed for problem in found.refused for placed in _placed(problem, now, wanted, changed))
    return Plan(
        added,
        changed,
        removed,
        (*refused, *reused, *judged.refused, *_untested(now, added, wanted)),
        now.generation,
        drafts,
        (*wanted.notes, *judged.notes),
        judged.releases,
        judged.reached,
    )


def _untested(now: InForce, added: Iterable[PlanItem], wanted: Workspace) -> Iterator[Problem]:
    if demands_test(now.refs, now.blobs):
        yield from untested((item.name for item in added if item.kind == "contract"), wanted, now.tested)


def _placed(problem: Problem, now: InForce, wanted: Workspace, changed: Iterable[PlanItem]) -> Iterator[Problem]:
    """A refused change of a published document once for each place that changed; anything else as it is."""
    by_source = {wanted.sources.get(f"{item.kind}/{item.name}", ""): item for item in changed}
    item = by_source.get(problem.file) if problem.rule == "immutable" and not problem.pointer else None
    places = _changes(now, wanted, item) if item is not None and problem.file else []
    yield from [msgspec.structs.replace(problem, pointer=place) for place in places] or [problem]


def _changes(now: InForce, wanted: Workspace, item: PlanItem) -> list[str]:
    """JSON pointers of what differs between the published document and the wanted one, at most `PLACES_MOST`."""
    (sha256,) = (ref.sha256 for ref in now.refs if (ref.kind, ref.name) == (item.kind, item.name))
    old = msgspec.json.decode(now.blobs[sha256])
    new: Any
    if item.kind == "contract":
        old = old["document"]
        (new,) = (version.document for version in wanted.versions if version.ref == item.name)
    else:
        new = wanted.schemas[item.name].document
    return list(islice(_differing(old, new), PLACES_MOST))


def _differing(old: Any, new: Any, pointer: str = "") -> Iterator[str]:
    """Pointers (RFC 6901) into `new` of the smallest parts that differ; a removed part is told at what held it."""
    if old == new:
        return
    if isinstance(old, dict) and isinstance(new, dict):
        if old.keys() - new.keys():
            yield pointer
        for name in new:
            below = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
            yield from _differing(old[name], new[name], below) if name in old else [below]
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (ours, theirs) in enumerate(zip(old, new, strict=True)):
            yield from _differing(ours, theirs, f"{pointer}/{index}")
    else:
        yield pointer


def _reused_numbers(
    versions: Mapping[str, str], added: Iterable[PlanItem], sources: Mapping[str, str]
) -> Iterable[Problem]:
    for item in added:
        key = f"{item.kind}/{item.name}"
        if versions.get(key, item.sha256) != item.sha256:
            yield Problem(
                f"{item.name} was published before with another content, and retired",
                file=sources.get(key, ""),
                remedy="choose a version number that was never published",
                rule="immutable",
            )
