"""What a snapshot says about one operation, compiled: everything a call needs, nothing looked up again."""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from typing import Any
from urllib.parse import quote

import msgspec

from catalog.contract import ContractVersion, Operation
from catalog.expression import Context, Expression, json_template
from catalog.network import System
from gateway.draft import Draft
from gateway.entity import EntityResolver
from gateway.exchange import Meaning
from gateway.field import OperationFields
from gateway.state.store import ReconcilePlan
from policies.chain import Chain

_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]+")  # RFC 3986 §2.3
_GRACE_S = 5.0  # how much longer than its deadline a system may still be at work on a call


class Target(msgspec.Struct, frozen=True):
    """A system as calls are sent to it."""

    system: System
    credential: tuple[bytes, bytes] | None  # header and value; replaces what a client sent under that name


class ReconcileTemplate:
    """The look-up that can settle an unknown outcome of an operation (design §11.3)."""

    def __init__(self, operation: Operation, lookup: Operation) -> None:
        declared = operation.extension.reconcile
        if declared is None:
            raise ValueError(f"{operation.id} declares no reconcile")
        self._operation = lookup.id
        self._path = lookup.path
        self._select = declared.select
        self._where: dict[str, list[Any]] = dict(declared.where)
        places = {parameter.name: parameter.place for parameter in lookup.parameters}
        self._by: list[tuple[str, bool, Expression]] = [
            (name, places.get(name) == "path", json_template(text)) for name, text in declared.by.items()
        ]
        self._encoded = frozenset(declared.encoding)

    def plan(self, context: Context, deadline_s: float) -> ReconcilePlan | None:
        """None when the call does not hold what the look-up needs. `deadline_s`: wall clock by which it has ended."""
        path, query = self._path, []
        for name, is_in_path, expression in self._by:
            text = expression.text_of(context)
            if text is None:
                return None
            if name in self._encoded:
                text = urlsafe_b64encode(text.encode()).decode()
            if is_in_path and text in (".", ".."):
                return None  # would ask for another path; a person decides
            if is_in_path:
                path = path.replace("{" + name + "}", _quoted(text))
            else:
                query.append(f"{quote(name, safe='')}={_quoted(text)}")
        target = f"{path}?{'&'.join(query)}" if query else path
        return ReconcilePlan(self._operation, target, self._select, self._where, deadline_s + _GRACE_S)


def _quoted(text: str) -> str:
    return text if _UNRESERVED.fullmatch(text) else quote(text, safe="")


class OperationPlan(msgspec.Struct, frozen=True):
    """One operation at one base path."""

    version: ContractVersion
    operation: Operation
    contract: str
    base_path: str
    route: str  # base path and template
    key: str  # "<contract>/<major>/<operationId>", the operation of idempotency claims
    layer: str
    chain: Chain
    meaning: Meaning
    resolver: EntityResolver
    targets: dict[str, Target]  # legal entity, or "*", -> system
    reconcile: ReconcileTemplate | None
    granted: dict[str, frozenset[str]]  # consumer -> scopes granted for the contract
    chain_header: bytes
    is_safe: bool
    is_retired: bool
    needs_body: bool
    passes_cookies: bool  # only where the contract declares one
    fields: OperationFields | None  # None: records do not tell them
    drafts: tuple[Draft, ...]  # what those above the version say of its calls
    header_names: tuple[bytes, ...]  # lower case, of declared parameters that go on to the system as they are

    def target(self, entity: str) -> Target | None:
        return self.targets.get(entity) or self.targets.get("*")
