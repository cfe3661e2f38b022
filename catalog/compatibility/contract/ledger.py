"""Where a comparison writes down what it finds."""

from __future__ import annotations

from typing import Any, NamedTuple

from catalog.compatibility.contract.change import Change, fingerprint
from catalog.compatibility.contract.rule import RULES, Direction, Severity
from catalog.compatibility.contract.side import Sides
from catalog.pointer import join
from catalog.snapshot import canonical_json, sha256_hex

#: absent, as a thing that can be hashed
_NOTHING = b""


class Place(NamedTuple):
    """Where something stands: the operation by name, and a pointer with references followed."""

    operation: str
    location: str

    def at(self, *tokens: str | int) -> Place:
        return Place(self.operation, join(self.location, *tokens))


class Position(NamedTuple):
    """A schema in both versions; `direction` is that of the values it describes."""

    place: Place
    direction: Direction
    old: Any
    new: Any
    media: str = ""


class Ledger:
    """Changes that are known, and schemas that are still to be compared."""

    def __init__(self, sides: Sides) -> None:
        self.sides = sides
        self.changes: list[Change] = []
        self.positions: list[Position] = []

    def tell(
        self,
        rule: str,
        place: Place,
        direction: Direction | None = None,
        old: Any = None,
        new: Any = None,
        *,
        what: str = "",
        severity: Severity | None = None,
        is_undecided: bool = False,
        witness: Any = None,
    ) -> None:
        """One change of `old` into `new`, None standing for absent; `what` names the thing for people."""
        known = RULES[rule]
        title = known.title[0].lower() + known.title[1:] if what else known.title
        doubt = " (that it breaks nobody is not proved)" if is_undecided else ""
        self.changes.append(
            Change(
                rule,
                place.operation,
                place.location,
                direction,
                severity or known.severity(direction),
                f"{what}: {title}{doubt}" if what else f"{title}{doubt}",
                fingerprint(rule, place.location, _sha256(old), _sha256(new)),
                witness,
                is_undecided,
            )
        )

    def words(self, rule: str, place: Place, old: dict[str, Any], new: dict[str, Any], *names: str) -> None:
        """That some of the members called `names` differ, which bind nobody."""
        before, after = ({name: node[name] for name in names if name in node} for node in (old, new))
        if canonical_json(before) != canonical_json(after):
            self.tell(rule, place, None, before, after)

    def extensions(self, place: Place, old: dict[str, Any], new: dict[str, Any]) -> None:
        """That extensions which Waybill does not read differ."""
        for name in sorted(old.keys() | new.keys()):
            is_ours = name in ("x-waybill", "x-webhooks", "x-extensible-enum")
            if name.startswith("x-") and not is_ours and not self.is_same(old.get(name), new.get(name)):
                self.tell("extension-changed", place.at(name), None, old.get(name), new.get(name), what=name)

    def schema(self, place: Place, direction: Direction, old: Any, new: Any, media: str = "") -> None:
        """A schema in both versions; absent means that anything goes."""
        before, after = (True if node is None else node for node in (old, new))
        if not self.is_same(before, after):
            self.positions.append(Position(place, direction, before, after, media))

    def is_same(self, old: Any, new: Any) -> bool:
        return self.sides.is_same(old, new)


def turned(direction: Direction) -> Direction:
    return "response" if direction == "request" else "request"


def _sha256(value: Any) -> str:
    return sha256_hex(_NOTHING if value is None else canonical_json(value))
