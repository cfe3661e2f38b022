"""Two versions of a contract compared."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from catalog.canonical import Canonicals
from catalog.compatibility import Policy
from catalog.compatibility.contract.asyncapi import compare_asyncapi
from catalog.compatibility.contract.change import Change, ContractComparison, comparison
from catalog.compatibility.contract.ledger import Ledger, Place
from catalog.compatibility.contract.normal import kind_of, normal_pair, plain_document
from catalog.compatibility.contract.openapi import compare_openapi
from catalog.compatibility.contract.position import compare_positions
from catalog.compatibility.contract.rule import ORDER
from catalog.compatibility.contract.side import Side, Sides
from catalog.compatibility.contract.wellformed import Frame
from catalog.pointer import resolve
from catalog.snapshot import canonical_json


def compare_contracts(
    old: dict[str, Any], new: dict[str, Any], *, policy: Policy = "wire", canonicals: Canonicals | None = None
) -> ContractComparison:
    """What a new version of a contract means to those who use the old one.

    `old` and `new` are parsed documents: OpenAPI 2.0, 3.0, 3.1, or both AsyncAPI 3. With policy "wire" properties that
    the other side does not declare are ignored, with "strict" they count. References are followed within the document,
    and to `canonicals` ("supplier@1.0.0" -> schema); any other is known by its text alone, and one that changed is
    undecided. `info.version` is not compared. Nothing is read from file or network, and the work is bounded: what is
    not settled within the bound is undecided, and undecided counts as breaking.

    Parts of an OpenAPI 3 document that are malformed or lead out of it are undecided where they differ.

    Raises: Invalid when one is no such document, or when they are of different kinds.
    """
    ledger = Ledger(Sides(*map(Side, normal_pair(old, new, canonicals or {}))))
    if kind_of(old) == "openapi":
        compare_openapi(ledger)
    else:
        compare_asyncapi(ledger)
    compare_positions(ledger, policy)
    _dialects(ledger)
    _unread(ledger, plain_document(old), plain_document(new))
    if not ledger.changes:
        _unused(ledger)
    return comparison(sorted(_distinct(ledger.changes), key=_order))


def _dialects(ledger: Ledger) -> None:
    """Schemas that stand as they stood mean something else in another dialect."""
    old, new = ledger.sides.old.dialect, ledger.sides.new.dialect
    if old != new:
        place = Place("", "/jsonSchemaDialect")
        ledger.tell("schema-undecided", place, None, old, new, severity="major", is_undecided=True)


def _unread(ledger: Ledger, old: dict[str, Any], new: dict[str, Any]) -> None:
    """Parts that nobody can read are taken for absent above: where they differ, nothing is known of them. Those that
    are the same to the letter are known by their text, like references that lead out of the document."""
    framed = [Frame(document).flaws if "openapi" in document else [] for document in (old, new)]
    flaws = [{flaw.pointer for flaw in each} for each in framed]
    for pointer in sorted(flaws[0] | flaws[1]):
        parts = [resolve(document, pointer) for document in (old, new)]
        if pointer not in flaws[0] & flaws[1] or canonical_json(parts[0]) != canonical_json(parts[1]):
            ledger.tell("part-undecided", Place("", pointer), None, *parts, severity="major", is_undecided=True)


def _distinct(changes: Iterable[Change]) -> Iterable[Change]:
    """Each change once, its heaviest telling: a media type may be compared by more than one way."""
    found: dict[str, Change] = {}
    for change in changes:
        known = found.get(change.fingerprint)
        if known is None or ORDER.index(known.severity) < ORDER.index(change.severity):
            found[change.fingerprint] = change
    return found.values()


def _order(change: Change) -> tuple[int, str, str, str]:
    """The heaviest first."""
    return -ORDER.index(change.severity), change.operation, change.location, change.rule


def _unused(ledger: Ledger) -> None:
    """That the documents differ although no operation does."""
    documents = [dict(side.document) for side in (ledger.sides.old, ledger.sides.new)]
    for document in documents:
        for name in ("openapi", "asyncapi", "info"):  # their differences were judged, or say nothing
            document.pop(name, None)
    old, new = documents
    ledger.words("document-described", Place("", ""), old, new, *sorted(documents[0].keys() | documents[1].keys()))
