"""Policies on their own: what they may look at when compiled, and calls to decide about."""

from __future__ import annotations

from typing import Any

from catalog.contract import Contract, ContractVersion, Extension, Operation, VersionState
from catalog.network import Consumer, ConsumerBlob, Entity, JwtIdentity, KeyHash
from catalog.schema import Validators
from policies.policy import Surroundings
from policies.request import Request

PEPPER = b"pepper"
NOW_S = 1_750_000_000.0


def operation(**more: Any) -> Operation:
    given: dict[str, Any] = {
        "id": "orders.create",
        "method": "POST",
        "path": "/orders",
        "extension": Extension(),
        "parameters": (),
        "request_schemas": {"application/json": True},
        "request_required": False,
        "response_schemas": {},
        "scopes": (),
    }
    return Operation(**(given | more))


def around(
    operation_: Operation | None = None,
    consumer: Consumer | None = None,
    keys: tuple[KeyHash, ...] = (),
    state: VersionState | None = None,
    **more: Any,
) -> Surroundings:
    contract = Contract(
        contract="buying.orders",
        title="Orders",
        owner="buying",
        domain="buying",
        base_path="/buying/v{major}",
        versions={"1.0.0": state or VersionState("published")},
    )
    chosen = operation_ or operation()
    version = ContractVersion(contract, "1.0.0", {}, {}, (chosen,), "")
    consumer = consumer or Consumer(
        "ap", "AP", entities=["north"], contracts={"buying.orders": ["read"]}, jwt=JwtIdentity("https://idp", "ap")
    )
    given: dict[str, Any] = {
        "version": version,
        "operation": chosen,
        "entities": {"north": Entity("north", "North", "us", "USD")},
        "consumers": {consumer.consumer: ConsumerBlob(consumer, keys)},
        "pepper": PEPPER,
        "files": {},
        "validators": Validators(),
    }
    return Surroundings(**(given | more))


def request(headers: dict[str, str] | None = None, body: bytes = b"", **more: Any) -> Request:
    pairs = [(name.lower().encode(), value.encode("latin-1")) for name, value in (headers or {}).items()]
    made = Request("0" * 32, "POST", "/buying/v1/orders", "", pairs, NOW_S)
    made.body = body
    for name, value in more.items():
        setattr(made, name, value)
    return made
