"""A small workspace as files, for tests of publishing."""

from __future__ import annotations

import json

OPENAPI = {
    "openapi": "3.1.0",
    "info": {"title": "Parcels", "version": "1.0.0"},
    "paths": {
        "/parcels/{id}": {
            "get": {
                "operationId": "parcels.get",
                "parameters": [
                    {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}, "example": "p 1"}
                ],
                "responses": {
                    "200": {
                        "description": "A parcel",
                        "content": {
                            "application/json": {
                                "schema": {
                                    "type": "object",
                                    "properties": {"id": {"type": "string"}},
                                    "required": ["id"],
                                }
                            }
                        },
                    }
                },
            }
        },
        "/parcels": {
            "post": {
                "operationId": "parcels.create",
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {
                            "schema": {
                                "type": "object",
                                "properties": {"id": {"type": "string"}, "weight_g": {"type": "integer"}},
                                "required": ["id"],
                            }
                        }
                    },
                },
                "responses": {
                    "201": {"description": "Made", "content": {"application/json": {"schema": {"type": "object"}}}}
                },
            }
        },
    },
}


def contract(states: dict[str, str | dict[str, str]], owner: str = "logistics", base: str = "/parcels/v{major}") -> str:
    versions = {v: {"state": s} if isinstance(s, str) else s for v, s in states.items()}
    return json.dumps(
        {
            "contract": "logistics.parcels",
            "title": "Parcels",
            "owner": owner,
            "steward": "logistics-lead",
            "domain": "logistics",
            "base_path": base,
            "versions": versions,
        }
    )


def workspace(
    states: dict[str, str | dict[str, str]] | None = None, upstream: str = "http://127.0.0.1:9", **extra: str
) -> dict[str, str]:
    """Files of a workspace with one contract in the given states; `extra` adds or replaces files by path."""
    states = states or {"1.0.0": "published"}
    files = {
        "waybill.yaml": "workspace: test\ninclude: []\n",
        "contracts/logistics/parcels/contract.yaml": contract(states),
        "entities/main.yaml": "entity: main\nname: Main\nregion: local\ncurrency: EUR\n",
        "systems/depot.yaml": f"system: depot\nname: Depot\nregion: local\nbase_url: {upstream}\n",
        "bindings/all.yaml": '[{contract: logistics.parcels, major: 1, entity: "*", system: depot}]',
        "consumers/shop.yaml": "consumer: shop\nname: Shop\nentities: [main]\ncontracts: {logistics.parcels: []}\n",
    }
    for version in states:
        files[f"contracts/logistics/parcels/{version}/openapi.json"] = json.dumps(OPENAPI)
    return files | extra


def with_file(files: dict[str, str], path: str, text: str) -> dict[str, str]:
    return {**files, path: text}
