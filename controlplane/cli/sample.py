"""A first call that a reader can try: the plainest read among the contracts that a consumer may use. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

Contract = Mapping[str, Any]  # a ContractBlob as JSON
Consumer = Mapping[str, Any]  # a Consumer as JSON


class Call(msgspec.Struct, frozen=True):
    """A GET at the gateway, below its address."""

    consumer: str
    target: str  # path and query


def sample_call(contracts: Iterable[Contract], consumers: Iterable[Consumer]) -> Call | None:
    """The GET with the fewest parameters that some consumer may call; None when there is none."""
    best: tuple[int, str, str] | None = None
    listed = list(contracts)
    for consumer in consumers:
        for contract in listed:
            if not _may_call(consumer, contract):
                continue
            for count, target in _reads(contract):
                found = (count, consumer["consumer"], target)
                best = min(best, found) if best else found
    return Call(best[1], best[2]) if best else None


def curl(gateway_url: str, target: str, key: str | None) -> str:
    """A command line; without `key` the gateway refuses it."""
    header = f" -H 'X-API-Key: {key}'" if key else ""
    return f"curl -i{header} '{gateway_url}{target}'"


def _may_call(consumer: Consumer, contract: Contract) -> bool:
    grants = consumer.get("contracts", {})
    return contract["contract"]["contract"] in grants or "*" in grants


def _reads(contract: Contract) -> Iterable[tuple[int, str]]:
    major = contract["version"].split(".", 1)[0]
    base = contract["contract"]["base_path"].replace("{major}", major)
    for path, entry in contract["document"].get("paths", {}).items():
        operation = entry.get("get")
        if not isinstance(operation, dict):
            continue
        parameters = [
            resolved
            for parameter in (*entry.get("parameters", ()), *operation.get("parameters", ()))
            if (resolved := _resolve(contract["document"], parameter)).get("required")
        ]
        yield len(parameters), base + _filled(path, parameters) + _query(parameters)


def _filled(path: str, parameters: list[dict[str, Any]]) -> str:
    values = {parameter["name"]: _value(parameter) for parameter in parameters if parameter.get("in") == "path"}
    return re.sub(r"\{([^}]+)\}", lambda match: quote(values.get(match[1], "1"), safe=""), path)


def _query(parameters: list[dict[str, Any]]) -> str:
    pairs = [(parameter["name"], _value(parameter)) for parameter in parameters if parameter.get("in") == "query"]
    return f"?{urlencode(pairs)}" if pairs else ""


def _value(parameter: dict[str, Any]) -> str:
    """The declared example, else the first allowed value, else 1."""
    schema = parameter.get("schema") if isinstance(parameter.get("schema"), dict) else {}
    assert isinstance(schema, dict)
    examples = [each.get("value") for each in parameter.get("examples", {}).values() if isinstance(each, dict)]
    listed = schema.get("examples", [])
    candidates = [parameter.get("example"), *examples, schema.get("example"), *listed, schema.get("default")]
    candidates += schema.get("enum", [])
    return str(next((value for value in candidates if value is not None), 1))


def _resolve(document: Mapping[str, Any], parameter: dict[str, Any]) -> dict[str, Any]:
    """A parameter with its reference into the components followed."""
    reference = parameter.get("$ref")
    if not isinstance(reference, str):
        return parameter
    found = document.get("components", {}).get("parameters", {}).get(reference.rpartition("/")[2])
    return found if isinstance(found, dict) else {}
