"""A small OpenAPI document, and copies of it with one thing changed."""

from __future__ import annotations

import copy
from typing import Any

JSON = "application/json"

ORDER: dict[str, Any] = {
    "type": "object",
    "required": ["id", "lines"],
    "properties": {
        "id": {"type": "string", "maxLength": 20},
        "note": {"type": "string"},
        "state": {"type": "string", "enum": ["open", "sent"]},
        "lines": {"type": "array", "items": {"$ref": "#/components/schemas/Line"}, "minItems": 1},
    },
}
LINE: dict[str, Any] = {
    "type": "object",
    "required": ["quantity"],
    "properties": {"quantity": {"type": "integer", "minimum": 1}, "parent": {"$ref": "#/components/schemas/Line"}},
}


def base(version: str = "3.1.0") -> dict[str, Any]:
    """Two paths over an order with lines; lines refer to lines."""
    order = {"$ref": "#/components/schemas/Order"}
    return copy.deepcopy(
        {
            "openapi": version,
            "info": {"title": "Orders", "version": "1.0.0"},
            "paths": {
                "/orders": {
                    "get": {
                        "operationId": "orders.list",
                        "parameters": [
                            {"name": "status", "in": "query", "schema": {"type": "string"}},
                            {
                                "name": "ids",
                                "in": "query",
                                "schema": {"type": "array", "items": {"type": "string"}},
                            },
                        ],
                        "responses": {
                            "200": {
                                "description": "orders",
                                "headers": {"ETag": {"required": True, "schema": {"type": "string"}}},
                                "content": {JSON: {"schema": {"type": "array", "items": order}}},
                            }
                        },
                    },
                    "post": {
                        "operationId": "orders.create",
                        "requestBody": {"required": True, "content": {JSON: {"schema": order}}},
                        "responses": {"201": {"description": "made", "content": {JSON: {"schema": order}}}},
                    },
                },
                "/orders/{id}": {
                    "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
                    "get": {
                        "operationId": "orders.get",
                        "responses": {"200": {"description": "one", "content": {JSON: {"schema": order}}}},
                    },
                },
            },
            "components": {"schemas": {"Order": ORDER, "Line": LINE}},
        }
    )


def schemas(request: Any, response: Any, version: str = "3.1.0", **components: Any) -> dict[str, Any]:
    """One operation with the one schema in its request and the other in its response."""
    return {
        "openapi": version,
        "info": {"title": "One", "version": "1.0.0"},
        "paths": {
            "/x": {
                "post": {
                    "operationId": "x",
                    "requestBody": {"required": True, "content": {JSON: {"schema": request}}},
                    "responses": {"200": {"description": "x", "content": {JSON: {"schema": response}}}},
                }
            }
        },
        "components": {"schemas": components},
    }
