"""The reasons for and against publishing a version. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from catalog.compatibility.release import Candidate, Release
from catalog.errors import Problem
from controlplane.approval.view import RequirementView
from controlplane.conformance.service import RunView
from controlplane.traffic.draft import DraftUse


class Ground(msgspec.Struct, frozen=True):
    """One reason. What is not blocking is told so that nobody is surprised."""

    rule: str
    message: str
    remedy: str
    is_blocking: bool
    file: str = ""
    pointer: str = ""


class Touched(msgspec.Struct, frozen=True):
    """A consumer whose calls a breaking change touches (`catalog.compatibility.usage`)."""

    consumer: str
    owner: str
    version: str  # that it uses
    operation: str
    calls: int
    fields: list[str]  # that are touched; empty where the operation as a whole is
    is_field_known: bool  # False: no field of its calls is known, so that any may be touched
    rules: list[str]


def refusals(refused: Iterable[Problem]) -> Iterator[Ground]:
    """What `waybill apply` would refuse, whatever it is about: it publishes all of a workspace or nothing."""
    for each in refused:
        yield Ground(each.rule or "workspace", each.message, each.remedy, True, each.file, each.pointer)


def lint_errors(problems: Iterable[Problem]) -> Iterator[Ground]:
    for each in problems:
        yield Ground(each.rule, each.message, each.remedy, True, each.file, each.pointer)


def life_cycle(state: str, is_published: bool) -> Iterator[Ground]:
    """`state` is the one that the workspace gives the version."""
    if is_published:
        message = "it is published already, and published versions never change"
        yield Ground("already-published", message, "choose the next version number", True)
    elif state in ("deprecated", "retired"):
        yield Ground("life-cycle", f"it is {state} before it was ever published", "declare it draft or published", True)


def tests(runs: Sequence[RunView], ref: str, sha256: str, is_demanded: bool) -> Iterator[Ground]:
    """Whether a system was seen to conform to this very document, and to how much of it."""
    mine = [run for run in runs if run.sha256 == sha256]
    how = f"`waybill contract test {ref} --target URL --record`"
    last = mine[0] if mine else None
    if last is None:
        message = "it was changed since its last recorded run" if runs else "no run against a system is recorded"
        yield Ground("not-tested", message, f"run {how}", is_demanded)
    elif last.conforms and last.not_exercised:
        total = last.exercised + last.not_exercised
        message = f"the last run exercised {last.exercised} of {total} operations by {last.requests} requests"
        yield Ground("tested-in-part", message, f"exercise the rest, with --include or --unsafe: {how}", False)
    elif last.verdict == "not exercised":
        message = f"the last recorded run, by {last.who} against {last.target}, saw no operation answer with success"
        yield Ground("not-tested", message, f"run it so that one does: {how}", is_demanded)
    elif not last.conforms:
        count = "1 breach" if last.errors == 1 else f"{last.errors} breaches"
        message = f"the last recorded run, by {last.who} against {last.target}, found {count}"
        yield Ground("test-failed", message, f"mend the system or the contract, then run {how}", is_demanded)


def consumers(found: Iterable[Touched], version: str, days: int) -> Iterator[Ground]:
    """Whoever uses a version of the line of `version` is moved on by a publication; others stay where they are."""
    for each in found:
        what = ", ".join(each.fields) or "the operation itself"
        unknown = "" if each.is_field_known else " (which fields it uses is not known)"
        called = f"{each.calls} calls of {each.operation} in {days} days"
        message = f"{each.consumer} uses {each.version}: {called}; touched: {what}{unknown} [{', '.join(each.rules)}]"
        owner = each.owner or "its owner"
        remedy = (
            f"agree it with {owner}"
            if _line(each.version) == _line(version)
            else f"tell {owner}; the older version goes on until its sunset"
        )
        yield Ground("consumer-touched", message, remedy, False)


def shadow(uses: Sequence[DraftUse], ref: str, days: int) -> Iterator[Ground]:
    """What the draft said of real calls while it ran in shadow, as it was applied then."""
    judged, refused = sum(use.calls for use in uses), sum(use.refused + use.missing for use in uses)
    if not refused:
        return
    who = sorted({use.consumer for use in uses if use.refused or use.missing})
    message = f"in shadow it would have refused {refused} of {judged} calls of the last {days} days: {', '.join(who)}"
    yield Ground("shadow-refused", message, f"see where: `waybill contract shadow {ref}`", False)


def waivers(release: Release | None) -> Iterator[Ground]:
    for reason in release.reasons if release else ():
        if reason.is_waived:
            message = f"a waiver lets it through: {reason.operation} {reason.message} [{reason.rule}]"
            yield Ground("waiver-used", message, "see waivers/ for who answers for it", False)


def approvals(needs: Iterable[RequirementView]) -> Iterator[Ground]:
    for need in needs:
        who = " or ".join(
            f"{each} {getattr(need, each)}" if each in ("steward", "owner") else each for each in need.asked
        )
        message = f"{need.kind} {need.name} waits for the approval of {who}"
        yield Ground("approval-needed", message, "`waybill apply` files a proposal", False)


def _line(version: str) -> tuple[int, ...]:
    return Candidate(version, None).line
