"""What the gateway runs in the benchmarks: one contract of the library, one system, limits nobody reaches."""

from __future__ import annotations

import json
from typing import Any

from controlplane.simulation.credential import Signer

LIMIT = 100_000_000
ISSUER, AUDIENCE, SUBJECT = "https://issuer.bench", "waybill", "bench"

#: what a proxy that checks a token and a rate has no counterpart for
ONLY_HERE = ("coarse-limit", "shape", "request-schema", "response-schema")


def files(system_url: str, jwks: dict[str, Any], is_lean: bool) -> dict[str, str]:
    """Path → text. A lean workspace leaves out every check but token, scope, entity and rate limit."""
    issuer = {"issuer": ISSUER, "audience": AUDIENCE, "jwks_file": "policies/bench.jwks.json", "algorithms": ["ES256"]}
    limit = {"limit": LIMIT, "window_s": 60}
    policies: list[dict[str, Any]] = [
        {"name": "jwt", "policy": "jwt", "config": {"issuers": [issuer]}},
        {"name": "rate-limit", "policy": "rate-limit", "config": limit},
        {"name": "coarse-limit", "policy": "coarse-limit", "config": limit},
    ]
    if is_lean:
        policies = [policy for policy in policies if policy["name"] not in ONLY_HERE]
        policies += [{"name": name, "policy": name, "enabled": False} for name in ONLY_HERE]
    entity = {"entity": "mercy-health", "name": "Mercy Health", "region": "us-east", "currency": "USD"}
    system = {"system": "saas", "name": "Procurement", "region": "us-east", "base_url": system_url}
    consumer = {
        "consumer": "bench",
        "name": "Load generator",
        "entities": ["mercy-health"],
        "contracts": {"procurement.purchase-orders": ["read", "write"]},
        "jwt": {"issuer": ISSUER, "subject": SUBJECT},
    }
    content: dict[str, Any] = {
        "waybill.yaml": {"workspace": "bench", "include": ["procure-to-pay"]},
        "entities/mercy-health.yaml": entity,
        "systems/saas.yaml": {**system, "max_connections": 128},
        "bindings/orders.yaml": [
            {"contract": "procurement.purchase-orders", "major": 1, "entity": "*", "system": "saas"}
        ],
        "consumers/bench.yaml": consumer,
        "policies/bench.yaml": policies,
        "policies/bench.jwks.json": jwks,
    }
    return {path: json.dumps(document) for path, document in content.items()}


def token(signer: Signer) -> str:
    return signer.headers()["Authorization"]
