"""Schemas of two versions: what changed, and whether every value stays valid for whoever it matters to.

Who sends must go on being understood: a request needs every old value to be valid under the new schema, a response
every new one under the old. The comparison of the whole schemas has the last word on that; the walk over both names
what changed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from catalog.compatibility import Comparer, Comparison, Mode, Policy
from catalog.compatibility.contract.ledger import Ledger, Place, Position
from catalog.compatibility.contract.pair import MAJOR, PATCH, Key, Listed, Listing, Pair, Visit, Walk
from catalog.compatibility.contract.rule import BREAKS, RULES, Direction, Severity
from catalog.compatibility.contract.side import Sides
from catalog.walk import objects_in

_DIALECT = "2020-12"
#: pairs below a position that is asked about as a whole, and positions of one direction that are
_MOST_REACH, _MOST_ASKED = 30, 100
_MODES: dict[Direction, tuple[Mode, Mode]] = {"request": ("backward", "forward"), "response": ("forward", "backward")}
_DIRECTIONS: tuple[Direction, ...] = ("request", "response")


class Finding(NamedTuple):
    """A listed change as it weighs."""

    listed: Listed
    is_break: bool
    is_undecided: bool
    witness: Any


def compare_positions(ledger: Ledger, policy: Policy) -> None:
    """Writes down the changes of all schemas that the ledger holds."""
    for direction in _DIRECTIONS:
        for is_xml in (False, True):
            chosen = [
                position
                for position in ledger.positions
                if position.direction == direction and ("xml" in position.media) == is_xml
            ]
            if chosen:
                _Judge(ledger, policy, direction, is_xml).run(chosen)


class _Judge:
    """Judges the positions of one direction. A pair of schemas is judged once, by itself where its members can be
    judged by themselves, else as a whole with all that it leads to."""

    def __init__(self, ledger: Ledger, policy: Policy, direction: Direction, is_xml: bool) -> None:
        self._ledger = ledger
        self._direction: Direction = direction
        self._walk = Walk(ledger.sides, direction, is_xml, self._is_proved, policy == "strict")
        self._view = _view(ledger.sides, direction)
        documents = [self._view(side.document) for side in (ledger.sides.old, ledger.sides.new)]
        self._whole = Comparer(*documents, policy=policy, dialect=_DIALECT)
        self._local = Comparer({}, {}, policy=policy, dialect=_DIALECT)
        self._judged: dict[int, Comparison] = {}
        self._findings: dict[Key, list[Finding]] = {}
        self._asked = 0
        self._proved: set[int] = set()  # shapes of positions that were proved as wholes

    def run(self, positions: list[Position]) -> None:
        keys = [self._walk.add(position.old, position.new) for position in positions]
        self._walk.settle()
        for position, key in zip(positions, keys, strict=True):
            listing = self._walk.listing(key)
            if key not in self._findings:
                found = [self._finding(each) for each in listing.changes]
                self._findings[key] = self._confirmed(found, self._walk.pairs[key], listing)
            for finding in self._findings[key]:
                self._tell(position.place, finding)
            is_proved = id(self._walk.pairs[key].old) in self._proved
            self._rest(position, self._findings[key], listing, is_proved)

    # ---- one pair

    def _is_proved(self, pair: Pair) -> bool:
        return self._wholly(pair).verdict == "compatible"

    def _wholly(self, pair: Pair, which: int = 0) -> Comparison:
        """A pair with all that it leads to; `which` 1: the other way round."""
        known = id(pair.old) if which == 0 else id(pair.new)
        if known not in self._judged:
            schemas = [self._view(schema) for schema in pair.schemas]
            mode = _MODES[self._direction][which]
            self._judged[known] = self._whole.compare(*schemas, mode=mode, direction=self._direction)
        return self._judged[known]

    def _locally(self, pair: Pair) -> Comparison:
        """The value alone, whatever its members."""
        known = id(pair.facets)
        if known not in self._judged:
            mode = _MODES[self._direction][0]
            self._judged[known] = self._local.compare(pair.old.shallow(), pair.new.shallow(), mode=mode)
        return self._judged[known]

    # ---- one change

    def _finding(self, listed: Listed) -> Finding:
        rule = RULES[listed.facet.rule]
        pair = self._walk.pairs[listed.visit.key]
        if rule.severity(self._direction) != BREAKS:
            return Finding(listed, False, False, None)
        if listed.visit.is_settled:
            return Finding(listed, rule.is_absolute, rule.is_absolute, None)
        if listed.facet.rule in ("schema-undecided", "reference-changed"):
            return Finding(listed, True, True, None)
        judged = self._locally(pair) if listed.facet.is_local else self._wholly(pair)
        if judged.verdict == "compatible":
            return Finding(listed, rule.is_absolute, rule.is_absolute, None)
        return Finding(listed, True, judged.verdict == "unknown", self._confirmed_witness(pair, judged))

    def _confirmed_witness(self, pair: Pair, judged: Comparison) -> Any:
        """A value for the schemas as they are: what refutes a value without its members may be none with them."""
        found, mode = _witness(judged), _MODES[self._direction][0]
        if judged.verdict != "incompatible" or judged is not self._judged.get(id(pair.facets)):
            return found
        old, new = (self._view(schema) for schema in pair.schemas)
        if self._whole.confirms(old, new, found, mode=mode, direction=self._direction):
            return found
        if self._asked >= _MOST_ASKED:
            return None
        self._asked += 1
        whole = self._wholly(pair)
        return _witness(whole) if whole.verdict == "incompatible" else None

    def _confirmed(self, findings: list[Finding], pair: Pair, listing: Listing) -> list[Finding]:
        """Breaks of parts that the whole never lets a value reach are none: asked where the whole is small."""
        is_asked = listing.reach <= _MOST_REACH and self._asked < _MOST_ASKED
        if not is_asked or all(not each.is_break or RULES[each.listed.facet.rule].is_absolute for each in findings):
            return findings
        self._asked += 1
        if not self._is_proved(pair):
            return findings
        self._proved.add(id(pair.old))
        absolute = [RULES[each.listed.facet.rule].is_absolute and each.is_break for each in findings]
        return [Finding(each.listed, is_kept, is_kept, None) for each, is_kept in zip(findings, absolute, strict=True)]

    def _tell(self, place: Place, finding: Finding) -> None:
        facet = finding.listed.facet
        severity = RULES[facet.rule].severity(self._direction)
        if severity == BREAKS and not finding.is_break:
            severity = "minor"
        self._ledger.tell(
            facet.rule,
            place.at(*finding.listed.visit.tokens, *facet.tokens),
            self._direction,
            facet.old,
            facet.new,
            what=facet.what,
            severity=severity,
            is_undecided=finding.is_undecided,
            witness=finding.witness,
        )

    # ---- what the listed changes do not tell

    def _rest(self, position: Position, findings: list[Finding], listing: Listing, is_proved: bool) -> None:
        is_told = is_proved or any(finding.is_break for finding in findings)
        sides = self._ledger.sides
        if sides.old.is_unread(position.old) or sides.new.is_unread(position.new):
            self._whole_change(position, "schema-undecided", None, True)
            return
        if listing.is_described:
            self._whole_change(position, "schema-described")
        if listing.beyond > PATCH or (listing.beyond and not listing.is_described):
            is_break = listing.beyond >= MAJOR
            is_told |= is_break
            self._whole_change(position, "schema-more", _severity(listing.beyond), is_undecided=is_break)
        unproved = [pair for pair in map(self._pair, listing.open_pairs) if not self._is_proved(pair)]
        if unproved and not is_told:
            judged = [self._wholly(pair) for pair in unproved]
            is_undecided = all(each.verdict == "unknown" for each in judged)
            witness = next(filter(None, map(_witness, judged)), None)
            rule = "schema-undecided" if is_undecided else "schema-changed"
            self._whole_change(position, rule, None, is_undecided, witness)
        elif not findings and not listing.is_described and not listing.beyond:
            pairs = map(self._pair, listing.open_pairs)
            is_equal = all(self._wholly(pair, 1).verdict == "compatible" for pair in pairs)
            self._whole_change(
                position, "schema-rewritten" if is_equal else "schema-changed", "patch" if is_equal else "minor"
            )

    def _pair(self, visit: Visit) -> Pair:
        return self._walk.pairs[visit.key]

    def _whole_change(
        self,
        position: Position,
        rule: str,
        severity: Severity | None = None,
        is_undecided: bool = False,
        witness: Any = None,
    ) -> None:
        sides = self._ledger.sides
        hashes = (sides.old.sha256(position.old), sides.new.sha256(position.new))
        self._ledger.tell(
            rule,
            position.place,
            self._direction,
            *hashes,
            severity=severity,
            is_undecided=is_undecided,
            witness=witness,
        )


def _severity(weight: int) -> Severity:
    return "major" if weight >= MAJOR else "minor" if weight > PATCH else "patch"


def _witness(judged: Comparison) -> Any:
    """The first that the comparison found."""
    return next((change.witness for change in judged.changes if change.verdict == "incompatible"), None)


def _view(sides: Sides, direction: Direction) -> Callable[[Any], Any]:
    """How a direction reads the documents: extensible enumerations are closed to who sends, open to who reads."""
    documents = (sides.old.document, sides.new.document)
    if not any("x-extensible-enum" in node for document in documents for node, _ in objects_in(document)):
        return lambda node: node
    return lambda node: _extensible(node, direction)


def _extensible(node: Any, direction: Direction) -> Any:
    if isinstance(node, list):
        return [_extensible(item, direction) for item in node]
    if not isinstance(node, dict):
        return node
    out = {name: _extensible(value, direction) for name, value in node.items()}
    known = out.pop("x-extensible-enum", None)
    if known and direction == "response":
        out.pop("enum", None)
    elif isinstance(known, list) and "enum" not in out:
        out["enum"] = known
    return out
