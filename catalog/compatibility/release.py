"""What a new version owes those before it: its number is held against the least bump that its changes ask for.

A version of a contract or of a canonical schema is compared with the highest one below it, which its bump is counted
from, and with every other version of the same line (the major; for 0.y the minor), since readers of each of them are
promised that nothing breaks. A change that asks for more than the number says is refused, unless a waiver in force
names its fingerprint. Nothing is asked of a first version, nor under `compatibility: none`. Whatever the number, no
operation is taken away before the day it was announced to end (`catalog.compatibility.ending`).

Source: semver.org 2.0.0 §§4, 6-8; catalog rules ("minimum bump = maximum over all changes").
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Generic, Literal, NamedTuple, TypeVar

import msgspec

from catalog.compatibility.contract.change import Change, shifted
from catalog.compatibility.contract.rule import BREAKS, ORDER, Bump, Severity
from catalog.errors import Problem
from catalog.version import following, version_key
from catalog.waiver import Waiver

TOLD_MOST = 10  # changes of one release that are told one by one
_PLACES: tuple[Bump, ...] = ("major", "minor", "patch")


class Reason(msgspec.Struct, frozen=True, omit_defaults=True):
    """A change that asks for a bump."""

    against: str  # the version that it was compared with
    rule: str
    operation: str  # "" for a canonical schema
    location: str  # JSON pointer, references followed
    severity: Severity
    message: str
    fingerprint: str  # what a waiver names
    witness: Any = None
    is_undecided: bool = False  # breaking only because the opposite could not be proved
    is_waived: bool = False
    waived_by: str = ""  # the waiver's reason, approver and end, for people
    ending: Literal["", "early", "due"] = ""  # an operation taken away before, or after, it was announced to end
    announced: str = ""  # from when it was to answer no more, RFC 3339


class Release(msgspec.Struct, frozen=True):
    """A new version: what its number promises, and what its changes ask for."""

    kind: str  # contract | schema
    name: str  # "finance.invoices@1.1.0", "invoice@1.1.0"
    previous: str | None  # version that the bump is counted from; None for the first
    declared: Bump  # by the numbers
    needed: Bump  # the least that is asked for, waivers counted; of a 0.y.z as semver shifts it
    reasons: tuple[Reason, ...] = ()  # heaviest first, at most `TOLD_MOST`
    changes: int = 0  # of all, against `previous`
    is_draft: bool = False
    weight: Bump = "none"  # what approvals go by: waived changes count, ends that were announced and have come do not
    free: str = ""  # the next version with a number that is great enough

    @property
    def is_refused(self) -> bool:
        is_under = ORDER.index(self.declared) < ORDER.index(self.needed)
        return not self.is_draft and (is_under or any(map(_is_early, self.reasons)))


T = TypeVar("T")
#: the changes from an older version to a newer one
Compare = Callable[[T, T], Sequence[Reason]]


class Candidate(NamedTuple, Generic[T]):
    """A version under the law, of whichever kind."""

    version: str
    item: T
    is_draft: bool = False

    @property
    def line(self) -> tuple[int, ...]:
        """Versions of one line are promised not to break one another."""
        major, minor, _ = version_key(self.version)
        return (major,) if major else (major, minor)


def release(
    kind: str,
    subject: str,
    new: Candidate[T],
    others: Iterable[Candidate[T]],
    compare: Compare[T],
    waivers: Iterable[Waiver],
) -> Release:
    """What `new` owes those of `others` that are below it; drafts among them count for nothing."""
    others = list(others)
    below = [each for each in others if version_key(each.version) < version_key(new.version) and not each.is_draft]
    if not below:
        return Release(kind, f"{subject}@{new.version}", None, "major", "none", is_draft=new.is_draft, weight="major")
    previous = max(below, key=lambda each: version_key(each.version))
    changes = list(compare(previous.item, new.item))
    reasons = {reason.fingerprint: reason for reason in changes}
    for each in below:
        if each is not previous and each.line == new.line:
            broken = _newly_broken(each.item, previous.item, new.item, compare)
            reasons = {**{reason.fingerprint: reason for reason in broken}, **reasons}
    asked = sorted(_waived(reasons.values(), subject, waivers), key=_weight)
    declared = declared_bump(previous.version, new.version)
    needed = shifted(_heaviest(reason for reason in asked if not reason.is_waived), new.version)
    return Release(
        kind,
        f"{subject}@{new.version}",
        previous.version,
        declared,
        needed,
        tuple(asked[:TOLD_MOST]),
        len(changes),
        new.is_draft,
        _approval_weight(declared, asked, new.version),
        _free(previous, needed, [each for each in others if each.version != new.version and not each.is_draft]),
    )


def _free(previous: Candidate[T], needed: Bump, known: Sequence[Candidate[T]]) -> str:
    """The next version that nothing has yet: published ones never change."""
    versions = [each.version for each in known]
    near = [each.version for each in known if each.line == previous.line]
    free = following(max(near, key=version_key), needed)
    return following(max(versions, key=version_key), needed) if free in versions else free


def _heaviest(reasons: Iterable[Reason]) -> Bump:
    return max((reason.severity for reason in reasons), key=ORDER.index, default="none")


def _approval_weight(declared: Bump, reasons: Sequence[Reason], version: str) -> Bump:
    """The number, or what was waived below it; but not what an announced end alone makes of the number."""
    whole = shifted(_heaviest(reasons), version)
    rest = shifted(_heaviest(reason for reason in reasons if reason.ending != "due"), version)
    return rest if ORDER.index(rest) < ORDER.index(whole) else max(declared, rest, key=ORDER.index)


def reason_of(against: str, change: Change) -> Reason:
    """A change of a contract as what it asks for; `against` are the versions that it was compared with."""
    told = {name: getattr(change, name) for name in Change.__struct_fields__ if name != "direction"}
    return Reason(against=against, **told)


def declared_bump(old: str, new: str) -> Bump:
    """`1.4.0` → `1.5.0` is minor. Raises ValueError when either is no version."""
    pairs = zip(_PLACES, version_key(old), version_key(new), strict=True)
    return next((place for place, before, after in pairs if before != after), "none")


def release_problems(found: Iterable[Release], sources: Mapping[str, str]) -> Iterator[Problem]:
    """Why releases are refused: each change that asks for a greater number, with the fingerprint a waiver names, and
    each operation that is taken away before its time."""
    for each in found:
        if each.is_refused:
            file = sources.get(f"{each.kind}/{each.name}", "")
            yield from (_early(each, reason, file) for reason in each.reasons if _is_early(reason))
            yield from (_problem(each, reason, file) for reason in each.reasons if _is_too_heavy(each, reason))


def waiver_notes(
    found: Iterable[Release], waivers: Iterable[Waiver], sources: Mapping[str, str], today: date
) -> Iterator[Problem]:
    """Waivers that do nothing: over, or of a change that no new version makes."""
    used = {(each.name.partition("@")[0], reason.fingerprint) for each in found for reason in each.reasons}
    for waiver in waivers:
        file, _, pointer = sources[f"waiver/{waiver.key}"].partition("#")
        if not waiver.is_in_force(today):
            yield Problem(f"is over since {waiver.expires}", pointer, file, "remove it, or have it renewed", "waiver")
        elif not any(waiver.covers(*change) for change in used):
            message = "waives no change of a version that is about to be published"
            yield Problem(message, pointer, file, "remove it once its version is published", "waiver")


def _newly_broken(old: T, previous: T, new: T, compare: Compare[T]) -> list[Reason]:
    """What of `old` breaks now; what broke with `previous` already was let through then."""
    broken = [reason for reason in compare(old, new) if reason.severity == BREAKS]
    before = {_place(reason) for reason in compare(old, previous)} if broken else set()
    return [reason for reason in broken if _place(reason) not in before]


def _place(reason: Reason) -> tuple[str, str, str]:
    return reason.rule, reason.operation, reason.location


def _waived(reasons: Iterable[Reason], subject: str, waivers: Iterable[Waiver]) -> Iterator[Reason]:
    known = list(waivers)
    for reason in reasons:
        waiver = next((each for each in known if each.covers(subject, reason.fingerprint)), None)
        if waiver is None:
            yield reason
        else:
            told = f"{waiver.reason} ({waiver.approver}, until {waiver.expires})"
            yield msgspec.structs.replace(reason, is_waived=True, waived_by=told)


def _weight(reason: Reason) -> tuple[bool, bool, int]:
    return reason.is_waived, not _is_early(reason), -ORDER.index(reason.severity)


def _is_early(reason: Reason) -> bool:
    return reason.ending == "early" and not reason.is_waived


def _is_too_heavy(release_: Release, reason: Reason) -> bool:
    version = release_.name.partition("@")[2]
    needed = shifted(reason.severity, version)
    return not reason.is_waived and ORDER.index(needed) > ORDER.index(release_.declared)


def _early(release_: Release, reason: Reason, file: str) -> Problem:
    subject = release_.name.partition("@")[0]
    message = f"{release_.name} takes {reason.operation} away, which was announced to answer until {reason.announced}"
    remedy = f"keep it until then, or waive {reason.fingerprint[:16]} of {subject} in waivers/"
    return Problem(message, "", file, remedy, "sunset")


def _problem(release_: Release, reason: Reason, file: str) -> Problem:
    subject = release_.name.partition("@")[0]
    what = f"{release_.name} is a {release_.declared} release after {release_.previous} and needs {release_.needed}"
    where = " ".join(filter(None, (reason.operation, reason.location or "/")))
    proof = "; it could not be proved safe" if reason.is_undecided else ""
    against = f", against {reason.against}" if reason.against != release_.previous else ""
    message = f"{what}: {where}: {reason.message} [{reason.rule}{against}]{proof}"
    remedy = f"publish it as {release_.free}, take the change back, or waive "
    return Problem(message, "", file, f"{remedy}{reason.fingerprint[:16]} of {subject} in waivers/", "under-bump")
