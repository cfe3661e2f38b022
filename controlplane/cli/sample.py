"""A first call that a reader can try: the plainest read among the contracts that a consumer may use. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

Contract = Mapping[str, Any]  # a ContractBlob as JSON
Consumer = Mapping[str, Any]  # a Consumer as JSON
Key = tuple[str, str]  # where a parameter stands and its name, header names in lower case

SOURCE = re.compile(r"\$request\.(query|header)\.(.+)")
BY_FORMAT = {
    "uuid": "00000000-0000-4000-8000-000000000000",
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
}


class Call(msgspec.Struct, frozen=True):
    """A GET at the gateway, below its address."""

    consumer: str
    target: str  # path and query
    headers: dict[str, str] = {}


class _Read(msgspec.Struct, frozen=True):
    """A GET operation of a contract: its path below the gateway, what it requires, what tells the legal entity."""

    path: str
    document: Mapping[str, Any]
    parameters: list[dict[str, Any]]  # required ones, and those that tell the legal entity
    sources: list[Key]
    scopes: list[set[str]]  # each alternative suffices


def sample_call(
    contracts: Iterable[Contract], consumers: Iterable[Consumer], entities: Sequence[str] = ()
) -> Call | None:
    """The GET that needs least to be known, with the legal entity told where the consumer has several.

    `entities`: all legal entities, for consumers that act for every one. None when there is no GET to call.
    """
    reads = [(contract["contract"]["contract"], read) for contract in contracts for read in _reads(contract)]
    found: list[tuple[tuple[bool, int, int, str, str], Call]] = []
    for consumer in consumers:
        for name, read in reads:
            granted = _granted(consumer, name)
            if granted is None or not any(scopes <= granted for scopes in read.scopes):
                continue
            call, is_told = _call(consumer, read, entities)
            places = [parameter["in"] for parameter in read.parameters]
            found.append(((not is_told, places.count("path"), len(places), call.consumer, call.target), call))
    return min(found, key=lambda ranked: ranked[0])[1] if found else None


def curl(gateway_url: str, call: Call, key: str | None) -> str:
    """A command line; without `key` the gateway refuses it."""
    headers = {**({"X-API-Key": key} if key else {}), **call.headers}
    options = "".join(f" -H {_quoted(f'{name}: {value}')}" for name, value in headers.items())
    return f"curl -i{options} {_quoted(gateway_url + call.target)}"


def _granted(consumer: Consumer, contract: str) -> set[str] | None:
    """Scopes that the consumer has at the contract; None when it may not call it."""
    grants = consumer.get("contracts", {})
    given = [grants[name] for name in (contract, "*") if name in grants]
    return {scope for scopes in given for scope in scopes} if given else None


def _call(consumer: Consumer, read: _Read, entities: Sequence[str]) -> tuple[Call, bool]:
    """The call, and whether its legal entity is beyond doubt."""
    own = [name for name in consumer.get("entities", ()) if name != "*"] or list(entities)
    is_sole = len(consumer.get("entities", ())) == 1 and consumer["entities"][0] != "*"
    values: dict[Key, str] = {}
    names: dict[Key, str] = {}
    for parameter in read.parameters:
        key = _key(parameter)
        is_entity = key in read.sources and bool(own)
        if parameter.get("required") or (is_entity and not is_sole):
            values[key] = own[0] if is_entity else _value(parameter, read.document)
            names[key] = parameter["name"]
    path = re.sub(r"\{([^}]+)\}", lambda match: quote(values.get(("path", match[1]), "1"), safe=""), read.path)
    query = [(names[key], value) for key, value in values.items() if key[0] == "query"]
    headers = {names[key]: value for key, value in values.items() if key[0] == "header"}
    is_told = is_sole or any(key in values for key in read.sources)
    return Call(consumer["consumer"], path + (f"?{urlencode(query)}" if query else ""), headers), is_told


def _reads(contract: Contract) -> Iterable[_Read]:
    major = contract["version"].split(".", 1)[0]
    base = contract["contract"]["base_path"].replace("{major}", major)
    document = contract["document"]
    for path, entry in document.get("paths", {}).items():
        operation = entry.get("get")
        if not isinstance(operation, dict):
            continue
        declared = [
            _resolve(document, each) for each in (*entry.get("parameters", ()), *operation.get("parameters", ()))
        ]
        sources = _sources(operation)
        wanted = [each for each in declared if each.get("required") or (each and _key(each) in sources)]
        security = operation.get("security", document.get("security")) or [{}]
        scopes = [{scope for asked in each.values() for scope in asked} for each in security]
        yield _Read(base + path, document, wanted, sources, scopes)


def _sources(operation: Mapping[str, Any]) -> list[Key]:
    """Parameters from which the gateway learns the legal entity."""
    expressions = operation.get("x-waybill", {}).get("legal_entity", [])
    listed = [expressions] if isinstance(expressions, str) else expressions
    found = [match for text in listed if (match := SOURCE.fullmatch(text))]
    return [(match[1], match[2].lower() if match[1] == "header" else match[2]) for match in found]


def _key(parameter: Mapping[str, Any]) -> Key:
    place, name = parameter["in"], parameter["name"]
    return (place, name.lower() if place == "header" else name)


def _value(parameter: dict[str, Any], document: Mapping[str, Any]) -> str:
    """The declared example, else the first allowed value, else one of the declared format, else 1."""
    declared = parameter.get("schema")
    schema = _resolve(document, declared) if isinstance(declared, dict) else {}
    examples = [each.get("value") for each in parameter.get("examples", {}).values() if isinstance(each, dict)]
    listed = schema.get("examples", [])
    candidates = [parameter.get("example"), *examples, schema.get("example"), *listed, schema.get("default")]
    candidates += [*schema.get("enum", []), BY_FORMAT.get(schema.get("format", "")), schema.get("minimum")]
    return str(next((value for value in candidates if value is not None), 1))


def _resolve(document: Mapping[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    """A parameter or schema with its reference into the components followed."""
    reference = part.get("$ref")
    if not isinstance(reference, str):
        return part
    kind, _, name = reference.removeprefix("#/components/").partition("/")
    found = document.get("components", {}).get(kind, {}).get(name)
    return found if isinstance(found, dict) else {}


def _quoted(text: str) -> str:
    """For a POSIX shell."""
    return "'" + text.replace("'", "'\\''") + "'"
