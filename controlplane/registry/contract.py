"""Contracts in force as people read them. What a hash names never changes, so each version is read once per process."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import msgspec
from sqlalchemy import Connection, select

from catalog.asyncapi import is_asyncapi, outline
from catalog.contract import Contract
from catalog.errors import NotFound
from catalog.naming import operation_names
from controlplane.registry.store import blob, item
from controlplane.store.upsert import chunks

METHODS = ("get", "put", "post", "delete", "patch", "head", "options", "trace")
REMEMBERED = 5_000  # versions; above that, those that are no longer in force are forgotten

Kind = Literal["openapi", "asyncapi"]


class OperationView(msgspec.Struct, frozen=True):
    operation: str
    method: str
    path: str  # below the base path
    object: str | None
    event: str | None  # the only one
    events: list[str]
    summary: str = ""
    meaning: dict[str, Any] = {}  # `x-waybill` as written


class VersionView(msgspec.Struct, frozen=True):
    version: str
    state: str
    sha256: str
    deprecated_at: str | None
    sunset_at: str | None
    successor: str | None
    pins: dict[str, str]
    operations: list[OperationView]
    kind: Kind  # calls to a system, or events that publishers post


class ContractView(msgspec.Struct, frozen=True):
    name: str
    title: str
    owner: str
    domain: str
    layer: str
    base_path: str
    versions: list[VersionView]
    steward: str = ""
    description: str = ""
    compatibility: str = ""


class VersionRow(msgspec.Struct, frozen=True):
    version: str
    state: str
    sunset_at: str | None


class ContractRow(msgspec.Struct, frozen=True):
    """A contract in a list; `operations` and `objects` are those of its newest version."""

    name: str
    title: str
    domain: str
    layer: str
    owner: str
    steward: str
    kind: Kind
    operations: int
    objects: list[str]
    versions: list[VersionRow]


class Wanted(msgspec.Struct, frozen=True):
    """Which contracts; an empty member does not narrow. `q` is looked for in names, titles, people, objects, events
    and operations, in any case."""

    q: str = ""
    domain: str = ""
    layer: str = ""
    kind: str = ""
    state: str = ""  # of any version

    def takes(self, view: ContractView) -> bool:
        newest = view.versions[-1]
        is_like = self.domain in ("", view.domain) and self.layer in ("", view.layer) and self.kind in ("", newest.kind)
        has_state = not self.state or any(version.state == self.state for version in view.versions)
        return is_like and has_state and (not self.q or self.q.casefold() in _text(view))


class _Part(msgspec.Struct, frozen=True):
    """What one blob says: contract.yaml and one version."""

    contract: Contract
    version: VersionView


_known: dict[str, _Part] = {}  # by hash of the blob


def contract_views(connection: Connection) -> list[ContractView]:
    """Every contract in force with its published versions, by name."""
    found: defaultdict[str, list[_Part]] = defaultdict(list)
    for part in _parts(connection):
        found[part.contract.contract].append(part)
    return [_view(found[name]) for name in sorted(found)]


def contract_view(connection: Connection, name: str) -> ContractView:
    """Raises: NotFound."""
    for view in contract_views(connection):
        if view.name == name:
            return view
    raise NotFound(f"no contract {name!r} is in force")


def versions_in_force(connection: Connection, name: str) -> list[VersionView]:
    """Versions of a contract, by number; none when no such contract is in force."""
    return next((view.versions for view in contract_views(connection) if view.name == name), [])


def contract_rows(connection: Connection, wanted: Wanted) -> list[ContractRow]:
    return [_row(view) for view in contract_views(connection) if wanted.takes(view)]


def contract_document(connection: Connection, name: str, version: str) -> dict[str, Any]:
    """The OpenAPI or AsyncAPI document of a version. Raises: NotFound."""
    query = select(blob.c.content).join_from(item, blob, item.c.sha256 == blob.c.sha256)
    content = connection.scalar(query.where(item.c.kind == "contract", item.c.name == f"{name}@{version}"))
    if content is None:
        raise NotFound(f"no version {version} of {name!r} is in force")
    document: dict[str, Any] = msgspec.json.decode(content)["document"]
    return document


def _parts(connection: Connection) -> Iterable[_Part]:
    rows = connection.execute(select(item.c.sha256).where(item.c.kind == "contract").order_by(item.c.name))
    hashes = [row.sha256 for row in rows]
    for some in chunks([each for each in hashes if each not in _known], 50):
        for sha256, content in connection.execute(select(blob.c.sha256, blob.c.content).where(blob.c.sha256.in_(some))):
            _known[sha256] = _part(msgspec.json.decode(content))
    parts = [_known[each] for each in hashes]
    if len(_known) > REMEMBERED:
        for gone in set(_known) - set(hashes):
            _known.pop(gone, None)
    return parts


def _part(document: Mapping[str, Any]) -> _Part:
    return _Part(msgspec.convert(document["contract"], Contract), _version_view(document))


def _view(parts: list[_Part]) -> ContractView:
    ordered = sorted(parts, key=lambda part: _order(part.version.version))
    contract = ordered[-1].contract
    return ContractView(
        contract.contract,
        contract.title,
        contract.owner,
        contract.domain,
        contract.layer,
        contract.base_path,
        [part.version for part in ordered],
        contract.steward or "",
        contract.description,
        contract.compatibility,
    )


def _row(view: ContractView) -> ContractRow:
    newest = view.versions[-1]
    return ContractRow(
        view.name,
        view.title,
        view.domain,
        view.layer,
        view.owner,
        view.steward,
        newest.kind,
        len(newest.operations),
        sorted({each.object for each in newest.operations if each.object}),
        [VersionRow(each.version, each.state, each.sunset_at) for each in view.versions],
    )


def _text(view: ContractView) -> str:
    words = [view.name, view.title, view.owner, view.steward, view.description]
    for operation in view.versions[-1].operations:
        words += [operation.operation, operation.path, operation.object or "", *operation.events]
    return "\n".join(words).casefold()


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("-", 1)[0].split("."))


def _version_view(document: Mapping[str, Any]) -> VersionView:
    state = document["contract"]["versions"][document["version"]]
    return VersionView(
        document["version"],
        state["state"],
        document["sha256"],
        state.get("deprecated_at"),
        state.get("sunset_at"),
        state.get("successor"),
        document["pins"],
        list(_operations(document["document"])),
        "asyncapi" if is_asyncapi(document["document"]) else "openapi",
    )


def _operations(document: dict[str, Any]) -> Iterable[OperationView]:
    if is_asyncapi(document):
        for told in outline(document):
            only = told.events[0] if len(told.events) == 1 else None
            written = document["operations"][told.id]
            meaning = written.get("x-waybill", {})
            summary = written.get("summary") or written.get("title") or ""
            yield OperationView(told.id, "POST", told.path, told.object, only, sorted(told.events), summary, meaning)
        return
    names = operation_names(document)
    for path, entry in sorted(document.get("paths", {}).items()):
        for method in METHODS:
            operation = entry.get(method)
            if operation is not None:
                meaning = operation.get("x-waybill", {})
                yield OperationView(
                    names.get((path, method), ""),
                    method.upper(),
                    path,
                    meaning.get("object"),
                    meaning.get("event"),
                    [meaning["event"]] if "event" in meaning else [],
                    operation.get("summary", ""),
                    meaning,
                )
