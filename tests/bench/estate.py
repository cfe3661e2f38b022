"""A large workspace by formula: any number of contracts of twelve operations, each with a schema of its own."""

from __future__ import annotations

import json
import random
from typing import Any

OPERATIONS = 12
_KINDS = ("text", "count", "code", "lines", "number")


def files(contracts: int, system_url: str, schema_bytes: int = 5_000, version: str = "1.0.0") -> dict[str, str]:
    """The workspace's files: `contracts` contracts `bulk.c-0000` … over one system, one entity, one consumer."""
    names = [f"c-{number:04}" for number in range(contracts)]
    grants = "".join(f"  bulk.{name}: []\n" for name in names)
    bindings = "".join(f'- {{contract: bulk.{name}, major: 1, entity: "*", system: erp}}\n' for name in names)
    found = {
        "waybill.yaml": "workspace: estate\n",
        "entities/main.yaml": "{entity: main, name: Main, region: local, currency: USD, timezone: UTC}",
        "systems/erp.yaml": f"{{system: erp, name: ERP, region: local, owner: team, base_url: '{system_url}'}}",
        "bindings/erp.yaml": bindings or "[]",
        "consumers/client.yaml": "consumer: client\nname: Client\nowner: team\nentities: [main]\ncontracts:\n" + grants,
    }
    for number, name in enumerate(names):
        folder = f"contracts/bulk/{name}"
        found[f"{folder}/contract.yaml"] = contract(name, version)
        found[f"{folder}/{version}/openapi.json"] = json.dumps(document(number, schema_bytes))
    return found


def contract(name: str, *versions: str) -> str:
    states = ", ".join(f"{version}: {{state: published}}" for version in versions)
    return (
        f"{{contract: bulk.{name}, title: {name}, owner: team, steward: team, domain: bulk, "
        f"base_path: '/{name}/v{{major}}', versions: {{{states}}}}}"
    )


def document(number: int, schema_bytes: int) -> dict[str, Any]:
    """An OpenAPI 3.1 document: six things that are written and six that are read."""
    paths: dict[str, Any] = {}
    schemas = {f"Thing{index}": _schema(number * OPERATIONS + index, schema_bytes) for index in range(OPERATIONS)}
    for index in range(0, OPERATIONS, 2):
        answer = {"description": "done", "content": _json(f"Thing{index}")}
        problem = {"description": "refused", "content": {"application/problem+json": {"schema": {"type": "object"}}}}
        paths[f"/things{index}"] = {
            "post": {
                "operationId": f"things{index}.write",
                "requestBody": {"required": True, "content": _json(f"Thing{index + 1}")},
                "responses": {"201": answer, "default": problem},
            },
            "get": {
                "operationId": f"things{index}.read",
                "parameters": [
                    {"name": "limit", "in": "query", "schema": {"type": "integer", "maximum": 100 + number}}
                ],
                "responses": {"200": answer, "default": problem},
            },
        }
    info = {"title": f"Contract {number}", "version": "1.0.0"}
    return {"openapi": "3.1.0", "info": info, "paths": paths, "components": {"schemas": schemas}}


def _json(name: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}


def _schema(seed: int, size_bytes: int) -> dict[str, Any]:
    chosen = random.Random(seed)
    properties: dict[str, Any] = {"id": {"type": "string", "maxLength": 64}}
    size = 0
    while size < size_bytes:
        name = f"field_{seed}_{len(properties)}"
        properties[name] = _property(chosen, seed)
        size += len(json.dumps(properties[name])) + len(name) + 6
    return {"type": "object", "required": ["id"], "properties": properties}


def _property(chosen: random.Random, seed: int) -> dict[str, Any]:
    kind = chosen.choice(_KINDS)
    if kind == "text":
        return {"type": "string", "minLength": 1, "maxLength": chosen.randint(20, 400)}
    if kind == "count":
        return {"type": "integer", "minimum": 0, "maximum": chosen.randint(1, 10**6)}
    if kind == "code":
        return {"type": "string", "enum": [f"V{seed}_{index}" for index in range(6)]}
    if kind == "number":
        return {"type": "string", "pattern": f"^[A-Z0-9]{{1,{chosen.randint(5, 40)}}}$"}
    line = {"sku": {"type": "string"}, "quantity": {"type": "number", "exclusiveMinimum": 0}}
    return {"type": "array", "maxItems": 500, "items": {"type": "object", "required": ["sku"], "properties": line}}
