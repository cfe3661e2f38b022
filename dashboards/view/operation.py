"""One operation as its OpenAPI or AsyncAPI document declares it: parameters, bodies, answers. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dashboards.view.table import table

DEPTH = 4  # of properties shown; deeper ones are in the document
MANY = 80  # rows of one body

Document = dict[str, Any]


def declared(document: Document, view: dict[str, Any]) -> list[str]:
    """Tables of what the document says of the operation `view`; [] when it says nothing."""
    if "asyncapi" in document:
        return _message(document, view)
    operation = document.get("paths", {}).get(view["path"], {}).get(view["method"].lower(), {})
    shared = document.get("paths", {}).get(view["path"], {}).get("parameters", [])
    found = [
        _parameters(document, [*shared, *operation.get("parameters", [])]),
        _body(document, _followed(document, operation.get("requestBody", {})), "Request"),
        _answers(document, operation.get("responses", {})),
    ]
    return [each for each in found if each]


def fields(schema: Document, name: str) -> str:
    """The fields of a JSON Schema that stands alone."""
    return table(["Field", "Type", "", "About"], _fields(schema, schema), name)


def _parameters(document: Document, listed: list[Any]) -> str:
    rows = []
    for entry in (_followed(document, each) for each in listed):
        schema = entry.get("schema", {})
        required = "required" if entry.get("required") else ""
        rows.append([entry.get("name", ""), entry.get("in", ""), kind(document, schema), required, _about(entry)])
    return table(["Parameter", "In", "Type", "", "About"], rows, "Parameters") if rows else ""


def _body(document: Document, body: Document, name: str) -> str:
    content = body.get("content", {})
    if not content:
        return ""
    media, entry = next(iter(content.items()))
    rows = _fields(document, entry.get("schema", {}))
    return table(["Field", "Type", "", "About"], rows, f"{name} ({media})") if rows else ""


def _answers(document: Document, responses: Document) -> str:
    rows = []
    for status, told in sorted(responses.items()):
        answer = _followed(document, told)
        content = answer.get("content", {})
        first: Document = next(iter(content.values())) if content else {}
        schema = first.get("schema", {})
        rows.append([status, kind(document, schema) if schema else "no body", answer.get("description", "")])
    return table(["Status", "Body", "About"], rows, "Answers") if rows else ""


def _message(document: Document, view: dict[str, Any]) -> list[str]:
    operation = document.get("operations", {}).get(view["operation"], {})
    channel = _followed(document, operation.get("channel", {}))
    messages = operation.get("messages") or list(channel.get("messages", {}).values())
    found = []
    for entry in (_followed(document, _followed(document, each)) for each in messages):
        rows = _fields(document, entry.get("payload", {}))
        name = entry.get("name") or entry.get("title") or "Event"
        if rows:
            found.append(table(["Field", "Type", "", "About"], rows, f"{name} (data of the CloudEvent)"))
    return found


def _fields(document: Document, schema: Document) -> list[list[str]]:
    rows = [list(row) for row in _walk(document, schema, "", 0)]
    if not rows and schema:
        rows = [["(the whole)", kind(document, schema), "", _about(schema)]]
    if len(rows) > MANY:
        rows = [*rows[:MANY], ["…", "", "", f"{len(rows) - MANY} more in the document"]]
    return rows


def _walk(document: Document, given: Any, path: str, depth: int) -> Iterator[tuple[str, str, str, str]]:
    schema = _followed(document, given)
    for part in schema.get("allOf", ()):
        yield from _walk(document, part, path, depth)
    required = set(schema.get("required", ()))
    for name, inner in schema.get("properties", {}).items():
        below = _followed(document, inner) if isinstance(inner, dict) else {}
        place = f"{path}{name}"
        yield place, kind(document, inner), "required" if name in required else "", _about(below)
        if depth + 1 < DEPTH:
            items = below.get("items")
            yield from _walk(document, below, f"{place}.", depth + 1)
            if isinstance(items, dict):
                yield from _walk(document, items, f"{place}[].", depth + 1)


def kind(document: Document, given: Any) -> str:
    """The type of a schema in a word: of a canonical schema its name and version."""
    if not isinstance(given, dict):
        return "anything" if given in (True, {}) else "nothing"
    reference = given.get("$ref", "")
    if reference.startswith("canonical:"):
        return str(reference)
    schema = _followed(document, given)
    if "enum" in schema:
        return "one of " + ", ".join(str(value) for value in schema["enum"][:8])
    if "const" in schema:
        return f"always {schema['const']}"
    types = schema.get("type", "object" if "properties" in schema else "")
    text = " or ".join(types) if isinstance(types, list) else str(types)
    if text == "array":
        return f"list of {kind(document, schema.get('items', {}))}"
    return f"{text} ({schema['format']})" if text and "format" in schema else text or "anything"


def _about(schema: Document) -> str:
    limits = [
        f"{name} {schema[key]}"
        for key, name in (("pattern", "pattern"), ("maxLength", "at most"), ("minimum", "from"), ("maximum", "to"))
        if key in schema
    ]
    return "; ".join(filter(None, [str(schema.get("description", "")), *limits]))


def _followed(document: Document, given: Any) -> Document:
    """What a reference within the document leads to; a reference elsewhere stays as it is."""
    for _ in range(8):
        reference = given.get("$ref", "") if isinstance(given, dict) else ""
        if not reference.startswith("#/"):
            break
        found: Any = document
        for token in reference[2:].split("/"):
            name = token.replace("~1", "/").replace("~0", "~")
            found = found.get(name, {}) if isinstance(found, dict) else {}
        given = found
    return given if isinstance(given, dict) else {}
