"""What credentials an operation asks for in two versions: alternatives, schemes, scopes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from catalog.compatibility.contract.ledger import Ledger, Place

#: scheme -> scopes, all of which are needed
Alternative = Mapping[str, frozenset[str]]
_SCHEME = ("type", "in", "name", "scheme", "openIdConnectUrl")


def compare_security(ledger: Ledger, old: dict[str, Any], new: dict[str, Any], place: Place) -> None:
    """The alternatives of an operation, its own or the document's."""
    before = _alternatives(old.get("security", ledger.sides.old.document.get("security")))
    after = _alternatives(new.get("security", ledger.sides.new.document.get("security")))
    compare_alternatives(ledger, before, after, place.at("security"))


def compare_alternatives(ledger: Ledger, before: list[Alternative], after: list[Alternative], place: Place) -> None:
    """Whoever could call before can call still, if each alternative of `before` satisfies one of `after`."""
    for one in before:
        if any(_satisfies(one, other) for other in after):
            continue
        same = next((other for other in after if one and other.keys() == one.keys()), None)
        rule = "security-scope-added" if same is not None else "security-alternative-removed"
        rule = rule if one else "security-required"
        ledger.tell(rule, place.at(_name(one)), None, _plain(one), [_plain(each) for each in after], what=_name(one))
    for other in after:
        if any(_satisfies(other, one) for one in before):
            continue
        same = next((one for one in before if other and one.keys() == other.keys()), None)
        rule = (
            "security-scope-removed" if same is not None and _satisfies(same, other) else "security-alternative-added"
        )
        rule = rule if other else "security-dropped"
        if same is None or rule == "security-scope-removed":
            told = [_plain(each) for each in before]
            ledger.tell(rule, place.at(_name(other)), None, told, _plain(other), what=_name(other))


def _alternatives(value: Any) -> list[Alternative]:
    """None asked is one alternative: nothing."""
    listed = [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
    return [
        {name: frozenset(map(str, scopes or ())) for name, scopes in each.items()}
        for each in listed or [{}]
    ]  # fmt: skip


def _satisfies(held: Alternative, asked: Alternative) -> bool:
    return all(name in held and scopes <= held[name] for name, scopes in asked.items())


def _name(alternative: Alternative) -> str:
    return "+".join(sorted(alternative)) or "anonymous"


def _plain(alternative: Alternative) -> dict[str, list[str]]:
    return {name: sorted(scopes) for name, scopes in alternative.items()}


def compare_schemes(ledger: Ledger) -> None:
    """Schemes of the same name, whoever asks for them."""
    before, after = (
        dict(side.members(side.object(side.document.get("components")), "securitySchemes"))
        for side in (ledger.sides.old, ledger.sides.new)
    )
    for name in sorted(before.keys() & after.keys()):
        place = Place("", "").at("components", "securitySchemes", name)
        old, new = ledger.sides.old.object(before[name]), ledger.sides.new.object(after[name])
        _scheme(ledger, old, new, place, f"security scheme {name}")


def _scheme(ledger: Ledger, old: dict[str, Any], new: dict[str, Any], place: Place, what: str) -> None:
    how = [{key: node[key] for key in _SCHEME if key in node} for node in (old, new)]
    for node in how:
        if isinstance(node.get("scheme"), str):
            node["scheme"] = node["scheme"].lower()
    if how[0] != how[1]:
        ledger.tell("security-scheme-changed", place, None, how[0], how[1], what=what)
    flows = [node["flows"] if isinstance(node.get("flows"), dict) else {} for node in (old, new)]
    for flow in sorted(flows[0].keys() | flows[1].keys()):
        one, other = flows[0].get(flow), flows[1].get(flow)
        where = place.at("flows", flow)
        if other is None:
            ledger.tell("security-flow-removed", where, None, one, None, what=f"{what}, flow {flow}")
        elif one is None:
            ledger.tell("security-flow-added", where, None, None, other, what=f"{what}, flow {flow}")
        elif not ledger.is_same(one, other):  # addresses of an installation, words about scopes
            ledger.tell("server-changed", where, None, one, other, what=f"{what}, flow {flow}")
    ledger.words("document-described", place, old, new, "description", "bearerFormat")
