"""Documents of the size and the habits of large vendors, by formula: circles, trees of allOf, unused components, long
enums, references into paths, more than a thousand operations."""

from __future__ import annotations

import random
from typing import Any

_PROSE = "Text as vendors write it, long and of no consequence to any check. " * 4


def document(version: str, objects: int, seed: int = 1) -> dict[str, Any]:
    """An OpenAPI document of `version` (2.0, 3.0.3, 3.1.0): four operations for each of `objects` objects, each object
    leading to the next and back."""
    chosen = random.Random(seed)
    prefix = "#/definitions/" if version == "2.0" else "#/components/schemas/"
    schemas: dict[str, Any] = {"Base": _base(version)}
    paths: dict[str, Any] = {}
    for number in range(objects):
        name, next_name = f"Object{number}", f"Object{(number + 1) % objects}"
        schemas |= _schemas(name, prefix + next_name, prefix, chosen)
        paths |= _paths(version, name, number, prefix)
    head: dict[str, Any] = {"info": {"title": "Large vendor", "version": "2024-01-31"}, "paths": paths}
    if version == "2.0":
        json = ["application/json"]
        return {"swagger": "2.0", **head, "consumes": json, "produces": json, "definitions": schemas}
    return {"openapi": version, **head, "components": {"schemas": schemas}}


def _base(version: str) -> dict[str, Any]:
    nullable = {"2.0": {"type": "string", "x-nullable": True}, "3.0.3": {"type": "string", "nullable": True}}
    note = nullable.get(version, {"type": ["string", "null"]})
    return {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}, "note": note}}


def _schemas(name: str, next_ref: str, prefix: str, chosen: random.Random) -> dict[str, Any]:
    """The object over a tree of allOf, a list of it, and something that nobody uses."""
    own = {
        f"field{index}": {"type": "string", "maxLength": chosen.randint(10, 90), "description": _PROSE}
        for index in range(chosen.randint(4, 12))
    }
    code = {"type": "string", "enum": [f"{name}-{index}" for index in range(40)]}
    amount = {"type": "integer", "minimum": 0}
    links = {"next": {"$ref": next_ref}, "self": {"$ref": f"{prefix}{name}"}, "code": code, "amount": amount}
    return {
        f"{name}Head": {"allOf": [{"$ref": f"{prefix}Base"}, {"type": "object", "properties": own}]},
        name: {"allOf": [{"$ref": f"{prefix}{name}Head"}, {"type": "object", "properties": links}]},
        f"{name}List": {"type": "array", "items": {"$ref": f"{prefix}{name}"}},
        f"{name}Unused": {"type": "object", "properties": own},
    }


def _paths(version: str, name: str, number: int, prefix: str) -> dict[str, Any]:
    plural, item = f"/{name.lower()}s", f"/{name.lower()}s/{{id}}"
    one, many = {"$ref": prefix + name}, {"$ref": f"{prefix}{name}List"}
    if number % 7 == 3:  # vendors refer into what other operations declare
        where = "schema" if version == "2.0" else "content/application~1json/schema"
        many = {"$ref": f"#/paths/~1object0s/get/responses/200/{where}"}
    identity = _parameter(version, "id", "path", {"type": "string"})
    return {
        plural: {
            "get": _operation(version, f"list{name}", many),
            "post": _operation(version, f"create{name}", one, one),
        },
        item: {
            "parameters": [identity],
            "get": _operation(version, f"get{name}", one),
            "put": _operation(version, "", one, one),
        },
    }


def _operation(version: str, name: str, answer: Any, body: Any = None) -> dict[str, Any]:
    out: dict[str, Any] = {"operationId": name} if name else {}
    out["description"] = _PROSE
    if version == "2.0":
        out["responses"] = {"200": {"description": "done", "schema": answer}}
        out["parameters"] = [] if body is None else [{"name": "body", "in": "body", "required": True, "schema": body}]
        return out
    out["responses"] = {"200": {"description": "done", "content": {"application/json": {"schema": answer}}}}
    if body is not None:
        out["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return out


def _parameter(version: str, name: str, place: str, schema: dict[str, Any]) -> dict[str, Any]:
    told = schema if version == "2.0" else {"schema": schema}
    return {"name": name, "in": place, "required": True, **told}
