"""The documents that a system keeps of one type: by id, by the caller's reference, listed by any top-level field."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from typing import Any

from controlplane.simulation.system.backend import Inbound, Refusal, Result, Route

PAGE = 50
CONTROLS = frozenset({"limit", "cursor"})

Document = dict[str, Any]


def moment() -> str:
    """RFC 3339, UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Shelf:
    """One document type of one system."""

    def __init__(self, kind: str, number: str, parts: dict[str, tuple[str, str]] | None = None) -> None:
        """`number` is the format of ids that the system assigns, e.g. "PO-{:06d}"; `parts` names filters on members
        of an array: filter -> (array, member)."""
        self.kind = kind
        self._parts = parts or {}
        self._format = number
        self._numbers = count(1)
        self._documents: dict[str, Document] = {}
        self._references: dict[tuple[str, str], str] = {}

    def add(self, inbound: Document, **fields: Any) -> Document:
        """Keep a new document with id and time stamps. Raises: Refusal 409 when it is there already."""
        self.ensure_new(inbound)
        reference = _reference(inbound)
        name = inbound.get("id") or self._free_number()
        stamps = {"created_at": moment(), "updated_at": moment()}
        document = {**inbound, "object": self.kind, "id": name, **stamps, **fields}
        self._documents[name] = document
        if reference[1]:
            self._references[reference] = name
        return document

    def ensure_new(self, inbound: Document) -> None:
        """Raises: Refusal 409 when id or reference are taken; to be asked before anything else is judged."""
        if inbound.get("id", "") in self._documents:
            raise Refusal(409, "exists", f"a {self.kind} with this id exists", (("/id", "is taken"),))
        if _reference(inbound)[1] and _reference(inbound) in self._references:
            at = (("/external_reference", "is taken"),)
            raise Refusal(409, "exists", f"a {self.kind} with this reference exists", at)

    def get(self, name: str) -> Document:
        """Raises: Refusal 404."""
        if name not in self._documents:
            raise Refusal(404, "not-found", f"there is no such {self.kind}")
        return self._documents[name]

    def known(self, name: str, pointer: str) -> Document:
        """A document that another one names. Raises: Refusal 422 at `pointer`."""
        if name not in self._documents:
            raise Refusal(422, "unknown-reference", f"no such {self.kind}", ((pointer, f"names no {self.kind} here"),))
        return self._documents[name]

    def find(self, **fields: Any) -> list[Document]:
        """Documents whose top-level fields equal `fields`, oldest first."""
        return [one for one in self._documents.values() if all(self._has(one, *wanted) for wanted in fields.items())]

    def _has(self, document: Document, name: str, wanted: Any) -> bool:
        if name in self._parts:
            array, member = self._parts[name]
            return any(part.get(member) == wanted for part in document.get(array, []))
        return bool(_field(document, name) == wanted)

    def move(self, document: Document, **axes: str) -> None:
        """Set status axes."""
        document["status"] = {**document["status"], **axes}
        document["updated_at"] = moment()

    def result(self, document: Document, status: int = 200, effect: bool = True) -> Result:
        reference = str(document.get("external_reference", "")) if status == 201 else ""
        return Result(status, document, (self.kind, document["id"]), effect, reference)

    def reading(self, plural: str, path: str) -> tuple[Route, Route]:
        """The routes `<plural>.get` and `<plural>.list`."""
        return (
            Route(f"{plural}.get", "GET", f"{path}/{{id}}", self._get),
            Route(f"{plural}.list", "GET", path, self._list),
        )

    def _free_number(self) -> str:
        return next(name for number in self._numbers if (name := self._format.format(number)) not in self._documents)

    def _get(self, inbound: Inbound) -> Result:
        return self.result(self.get(inbound.parameters["id"]), effect=False)

    def _list(self, inbound: Inbound) -> Result:
        """Filters by every query parameter that is not a control; pages of `limit`, `cursor` is an offset."""
        try:
            limit = min(max(int(inbound.query.get("limit", PAGE)), 1), PAGE * 4)
            offset = int(inbound.query.get("cursor", 0))
        except ValueError:
            raise Refusal(400, "malformed", "limit and cursor are numbers") from None
        wanted = {key: value for key, value in inbound.query.items() if key not in CONTROLS}
        found = self.find(**wanted)
        body: Document = {"items": found[offset : offset + limit]}
        if offset + limit < len(found):
            body["next_cursor"] = str(offset + limit)
        return Result(200, body)


def _reference(document: Document) -> tuple[str, str]:
    return document["legal_entity"], document.get("external_reference", "")


def _field(document: Document, name: str) -> Any:
    """A top-level field; `supplier_id` is also the id of the object `supplier`."""
    if name in document or not name.endswith("_id"):
        return document.get(name)
    named = document.get(name.removesuffix("_id"))
    return named.get("id") if isinstance(named, dict) else None


def require(inbound: Inbound, *fields: str) -> Document:
    """The body as an object with these fields. Raises: Refusal 422 naming all that are missing."""
    body = inbound.body
    if not isinstance(body, dict):
        raise Refusal(422, "invalid", "the body is no JSON object", (("", "is no object"),))
    missing = tuple((f"/{name}", "is missing") for name in fields if not body.get(name))
    if missing:
        raise Refusal(422, "invalid", "fields are missing", missing)
    return body


def allow(document: Document, axis: str, *states: str) -> None:
    """Raises: Refusal 409 unless the status axis is in one of `states`."""
    if document["status"].get(axis) not in states:
        raise Refusal(409, "wrong-state", f"the {document['object']} is not {' or '.join(states)}")


def approval(inbound: Inbound) -> Document:
    """The approval that an approver's decision becomes."""
    body = require(inbound, "decided_by")
    decided_at = body.get("decided_at") or moment()
    return {"decided_by": body["decided_by"], "result": "approved", "decided_at": decided_at}


Handler = Callable[[Inbound], Result]
