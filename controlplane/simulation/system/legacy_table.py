"""The tables of the legacy ERP: rows in SQL with its own numbers and codes, read out as canonical documents.

Its quirks are within the contract: whole seconds of local time, capitals, short descriptions, one code for all states.
"""

from __future__ import annotations

import json
import sqlite3
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from controlplane.simulation.system.backend import Inbound, Refusal, Result, Route
from controlplane.simulation.system.record import CONTROLS, PAGE, Document

SCHEMA = """CREATE TABLE doc (
  serial INTEGER PRIMARY KEY, tab TEXT, key TEXT, number TEXT, reference TEXT, code TEXT, since TEXT, changed TEXT,
  body TEXT, UNIQUE (tab, key), UNIQUE (tab, reference))"""


class Row:
    """One row, as it was read."""

    def __init__(self, serial: int, key: str, number: str, code: str, since: str, changed: str, body: str) -> None:
        self.serial, self.key, self.number, self.code = serial, key, number, code
        self.since, self.changed = since, changed
        self.body: Document = json.loads(body)


COLUMNS = "serial, key, number, code, since, changed, body"


class Table:
    """Documents of one canonical type."""

    def __init__(self, database: sqlite3.Connection, kind: str, system: str, rules: dict[str, Any]) -> None:
        self.kind = kind
        self._database = database
        self._system = system
        self._zone = ZoneInfo(rules["timezone"])
        self._width = int(rules["width"])
        self._tab: str = rules[kind]["table"]
        self._number: str = rules[kind]["number"]
        self._codes: dict[str, dict[str, str]] = rules[kind]["codes"]

    def ensure_new(self, body: Document) -> None:
        """Raises: Refusal 409."""
        query = "SELECT 1 FROM doc WHERE tab = ? AND (key = ? OR reference = ?)"
        where = (self._tab, body.get("id", ""), body.get("external_reference"))
        if self._database.execute(query, where).fetchone():
            raise Refusal(409, "exists", f"{self._tab}: KEY EXISTS", (("/id", "is taken"),))

    def add(self, body: Document, code: str) -> Row:
        self.ensure_new(body)
        count = self._database.execute("SELECT count(*) FROM doc WHERE tab = ?", (self._tab,)).fetchone()[0] + 1
        number, now = self._number.format(count), self._now()
        key = body.get("id") or f"{self.kind[:3].upper()}-L{count:05d}"
        values = (self._tab, key, number, body.get("external_reference"), code, now, now, json.dumps(body))
        names = "tab, key, number, reference, code, since, changed, body"
        self._database.execute(f"INSERT INTO doc ({names}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)  # noqa: S608
        return self.get(key)

    def get(self, key: str, pointer: str = "") -> Row:
        """Raises: Refusal 404, or 422 at `pointer` for what another document names."""
        query = f"SELECT {COLUMNS} FROM doc WHERE tab = ? AND key = ?"  # noqa: S608 - constants
        found = self._database.execute(query, (self._tab, key)).fetchone()
        if found is None and pointer:
            raise Refusal(422, "unknown-reference", f"{self._tab}: NO ROW", ((pointer, "names nothing here"),))
        if found is None:
            raise Refusal(404, "not-found", f"{self._tab}: NO ROW")
        return Row(*found)

    def put(self, row: Row, code: str, **fields: Any) -> None:
        row.code, row.changed = code, self._now()
        row.body.update(fields)
        values = (code, row.changed, json.dumps(row.body), row.serial)
        self._database.execute("UPDATE doc SET code = ?, changed = ?, body = ? WHERE serial = ?", values)

    def find(self, **wanted: str) -> list[Row]:
        """By members of the document, oldest first."""
        query = f"SELECT {COLUMNS} FROM doc WHERE tab = ? ORDER BY serial"  # noqa: S608 - constants
        rows = (Row(*found) for found in self._database.execute(query, (self._tab,)))
        return [row for row in rows if all(_has(row, name, text) for name, text in wanted.items())]

    def document(self, row: Row) -> Document:
        """The canonical document of a row."""
        told = {**row.body, "object": self.kind, "id": row.key, "status": dict(self._codes[row.code])}
        if "lines" in told:
            told["lines"] = [self._shortened(line) for line in told["lines"]]
        native = {"table": self._tab, "code": row.code}
        return {
            **told,
            "identifiers": [{"scheme": "native", "value": row.number, "assigner": self._system}],
            "source": {"system": self._system, "object": self._tab, "native_id": row.number, "native_status": native},
            "created_at": row.since,
            "updated_at": row.changed,
        }

    def result(self, row: Row, status: int = 200, effect: bool = True) -> Result:
        reference = str(row.body.get("external_reference", "")) if status == 201 else ""
        return Result(status, self.document(row), (self.kind, row.key), effect, reference)

    def reading(self, plural: str, path: str) -> tuple[Route, Route]:
        return (
            Route(f"{plural}.get", "GET", f"{path}/{{id}}", self._read),
            Route(f"{plural}.list", "GET", path, self._list),
        )

    def _read(self, inbound: Inbound) -> Result:
        return self.result(self.get(inbound.parameters["id"]), effect=False)

    def _list(self, inbound: Inbound) -> Result:
        wanted = {name: text for name, text in inbound.query.items() if name not in CONTROLS}
        try:
            limit, offset = int(inbound.query.get("limit", PAGE)), int(inbound.query.get("cursor", 0))
        except ValueError:
            raise Refusal(400, "malformed", "LIMIT NOT NUMERIC") from None
        rows = self.find(**wanted)
        body: Document = {"items": [self.document(row) for row in rows[offset : offset + limit]]}
        if offset + limit < len(rows):
            body["next_cursor"] = str(offset + limit)
        return Result(200, body)

    def _shortened(self, line: Document) -> Document:
        if "description" not in line:
            return line
        return {**line, "description": line["description"].upper()[: self._width].rstrip()}

    def _now(self) -> str:
        return datetime.now(self._zone).isoformat(timespec="seconds")


def _has(row: Row, name: str, text: str) -> bool:
    body = row.body
    if name == "id":
        return row.key == text
    if name == "invoice_id":
        return any(part["invoice_id"] == text for part in body.get("allocations", []))
    if name == "supplier_id":
        return bool(body.get("supplier", {}).get("id") == text)
    return str(body.get(name)) == text
