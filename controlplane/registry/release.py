"""What a plan says of new versions: their numbers against their changes, and whom a changed canonical schema reaches.

Pure: the moment is an argument.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime

import msgspec

from catalog.compatibility.compared import Comparisons
from catalog.compatibility.contract.rule import Bump
from catalog.compatibility.governing import releases
from catalog.compatibility.impact import Impact, impact
from catalog.compatibility.release import Release, release_problems, waiver_notes
from catalog.consistency.contract import moment
from catalog.contract import ContractVersion
from catalog.errors import Problem
from catalog.inventory import Workspace
from catalog.lifecycle import SHORTEST_NOTICE
from catalog.pointer import join
from catalog.snapshot import Published
from catalog.version import following


class Reached(msgspec.Struct, frozen=True):
    """A contract version that uses a canonical schema of which there is a new version.

    It keeps its pin; taking the new one over is a release of its own, at least `as_version`.
    """

    schema: str  # the new version, "invoice@1.1.0"
    contract: str  # name@version
    owner: str
    pinned: tuple[str, ...]
    verdict: str
    bump: Bump
    as_version: str
    uses: int  # places where it takes the schema in or gives it out
    changes: int  # that show there


class Judged(msgspec.Struct, frozen=True):
    """New versions before the law."""

    releases: tuple[Release, ...]
    reached: tuple[Reached, ...]
    refused: tuple[Problem, ...]
    notes: tuple[Problem, ...]


def judge(
    workspace: Workspace,
    known: Collection[str],
    published: Mapping[str, Published],
    now: datetime,
    comparisons: Comparisons,
) -> Judged:
    """`known` are all versions ever published ("contract/<name>@<version>"), `published` what is in force."""
    found = releases(workspace, frozenset(known), now, comparisons)
    refused = (
        *release_problems(found, workspace.sources),
        *early_ends(workspace, published, now),
        *loosened(workspace, known, published),
    )
    notes = waiver_notes(found, workspace.waivers.values(), workspace.sources, now.date())
    told = tuple(each for each in found if each.previous is not None)
    return Judged(told, tuple(_reached(workspace, told, comparisons)), refused, tuple(notes))


def early_ends(workspace: Workspace, published: Mapping[str, Published], now: datetime) -> Iterator[Problem]:
    """Versions that would answer no more before the day that their readers were told. What counts is what is in force:
    an end that the same change brings forward was told to nobody."""
    for version in workspace.versions:
        before = published.get(f"contract/{version.ref}")
        if before is not None:
            file = workspace.sources.get(f"contract/{version.contract.contract}", "")
            yield from _early_end(version, before, file, now)


def loosened(workspace: Workspace, known: Collection[str], published: Mapping[str, Published]) -> Iterator[Problem]:
    """Contracts that ask less of new versions in the very change that brings one: what a version owes is what was in
    force before it."""
    new = {each.contract.contract for each in workspace.versions if f"contract/{each.ref}" not in known}
    for version in workspace.versions:
        before, contract = published.get(f"contract/{version.ref}"), version.contract
        owed = before.compatibility if before is not None else ""
        if contract.contract not in new or owed in ("", contract.compatibility) or contract.compatibility == "full":
            continue
        if owed != "none":
            file = workspace.sources.get(f"contract/{contract.contract}", "")
            message = (
                f"{contract.contract} owes its users {owed!r}, and would owe its new version {contract.compatibility!r}"
            )
            remedy = "change compatibility by itself first, then publish the version"
            yield Problem(message, "/compatibility", file, remedy, "compatibility-loosened")
            new.discard(contract.contract)  # once


def _early_end(version: ContractVersion, before: Published, file: str, now: datetime) -> Iterator[Problem]:
    told, wanted = moment(before.sunset_at or None), moment(version.state.sunset_at)
    end = max((each for each in (told, wanted) if each is not None), default=None)
    place = join("/versions", version.version)
    if version.state.state == "retired" and before.state != "retired":
        if end is not None and now < end:
            message = f"{version.ref} was announced to answer until {end.isoformat()}"
            remedy = "wait for its sunset; until then it stays deprecated"
            yield Problem(message, f"{place}/state", file, remedy, "sunset")
    elif told and wanted and wanted < told and wanted < now + SHORTEST_NOTICE:
        message = f"{version.ref} was announced to answer until {told.isoformat()}; {wanted.isoformat()} is sooner"
        remedy = f"keep what was announced, or leave {SHORTEST_NOTICE.days} days from today"
        yield Problem(message, f"{place}/sunset_at", file, remedy, "sunset")


def _reached(workspace: Workspace, found: Iterable[Release], comparisons: Comparisons) -> Iterator[Reached]:
    for release in found:
        if release.kind == "schema":
            reached = impact(workspace, workspace.schemas[release.name], comparisons)
            yield from (_told(release.name, each) for each in reached)


def _told(schema: str, each: Impact) -> Reached:
    version = each.contract.partition("@")[2]
    as_version = following(version, each.bump)
    return Reached(
        schema,
        each.contract,
        each.owner,
        each.pinned,
        each.verdict,
        each.bump,
        as_version,
        len(each.uses),
        len(each.changes),
    )
