"""What `x-waybill` says of a call in two versions."""

from __future__ import annotations

from typing import Any

from catalog.compatibility.contract.ledger import Ledger, Place

_SAFE = ("GET", "HEAD", "OPTIONS")
#: member -> rule of a change, rule where it was not said before
_TABLE = {
    "object": ("object-changed", "object-declared"),
    "event": ("event-changed", "event-declared"),
    "id": ("identity-changed", "meaning-changed"),
    "legal_entity": ("legal-entity-changed", "legal-entity-changed"),
    "delivery": ("delivery-changed", "delivery-changed"),
}
_JUDGED = {*_TABLE, "idempotency", "safe"}
_DEFAULT = {"legal_entity": "$credential", "delivery": "sync"}


def compare_meanings(ledger: Ledger, old: dict[str, Any], new: dict[str, Any], place: Place) -> None:
    """The extensions of an operation, what they leave out taken for what that means."""
    before, after = (_told(node) for node in (old, new))
    where = place.at("x-waybill")
    method = place.location.rpartition("/")[2].upper()
    for name, (changed, declared) in _TABLE.items():
        one, other = (told.get(name, _DEFAULT.get(name)) for told in (before, after))
        if not ledger.is_same(one, other):
            ledger.tell(declared if one is None else changed, where.at(name), None, one, other)
    _safety(ledger, before, after, where, method)
    _idempotency(ledger, before, after, where, method)
    for name in sorted((before.keys() | after.keys()) - _JUDGED):
        if not ledger.is_same(before.get(name), after.get(name)):
            ledger.tell("meaning-changed", where.at(name), None, before.get(name), after.get(name), what=name)


def _told(node: dict[str, Any]) -> dict[str, Any]:
    told = node.get("x-waybill")
    return told if isinstance(told, dict) else {}


def _is_safe(told: dict[str, Any], method: str) -> bool:
    declared = told.get("safe")
    return declared if isinstance(declared, bool) else method in _SAFE


def _safety(ledger: Ledger, old: dict[str, Any], new: dict[str, Any], place: Place, method: str) -> None:
    was, is_ = _is_safe(old, method), _is_safe(new, method)
    if was != is_:
        ledger.tell("safety-promised" if is_ else "safety-dropped", place.at("safe"), None, was, is_)


def _idempotency(ledger: Ledger, old: dict[str, Any], new: dict[str, Any], place: Place, method: str) -> None:
    one, other = (told.get("idempotency") or ("none" if _is_safe(told, method) else "optional") for told in (old, new))
    if one == other:
        return
    if other == "required":
        rule = "idempotency-required"
    elif other == "none":
        rule = "idempotency-dropped"
    else:
        rule = "idempotency-relaxed" if one == "required" else "idempotency-offered"
    ledger.tell(rule, place.at("idempotency"), None, one, other)
