"""CloudEvents 1.0.2: one document for every content mode, its identity, and the schema of what a contract takes.

Attributes of the document are text in their canonical string form, whichever mode they came in; attributes that are
null are not set. Sources: CloudEvents 1.0.2 §3, JSON event format §2-3, HTTP protocol binding §3.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

import msgspec

from catalog.errors import Violation
from catalog.schema import Schema

STRUCTURED = "application/cloudevents+json"
BATCHED = "application/cloudevents-batch"
HEADER_PREFIX = b"ce-"

_NAME = re.compile(r"[a-z0-9]+")  # §3.1
_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')  # RFC 9110 §5.6.4
_LONGEST = 1_024  # characters of an attribute, ours; the specification asks for 64 kB of a whole event

#: no control characters (§3.2, "String")
_STRING = {"type": "string", "maxLength": _LONGEST, "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]*$"}
_TEXT = {**_STRING, "minLength": 1}
_JSON_MEDIA = "^[^;/]+/([^;/]+\\+)?[Jj][Ss][Oo][Nn] *(;.*)?$"

_encode = msgspec.json.Encoder(order="sorted", decimal_format="number").encode


def is_attribute_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None and name != "data"


def from_structured(document: Any) -> Any:
    """The event of a structured message; what is no object is given back as it is, for the schema to refuse."""
    if not isinstance(document, dict):
        return document
    event = {name: _canonical(value) for name, value in document.items() if name != "data" and value is not None}
    if "data" in document:
        event["data"] = document["data"]
    return event


def from_binary(headers: Iterable[tuple[bytes, bytes]], data: Any) -> tuple[dict[str, Any], tuple[Violation, ...]]:
    """The event of a binary message, and the headers that are none of an event; `data` is the parsed body.

    Header names are lower case. A violation's pointer names the header, `#/header/ce-…`.
    """
    event: dict[str, Any] = {}
    found: list[Violation] = []
    for header, value in headers:
        if header == b"content-type":
            event["datacontenttype"] = value.decode("latin-1")
        if not header.startswith(HEADER_PREFIX):
            continue
        name = header[len(HEADER_PREFIX) :].decode("latin-1")
        place = f"#/header/{_shown(name)}"
        text = _unescaped(value)
        if name in ("datacontenttype", "data") or not is_attribute_name(name):
            found.append(Violation(place, "header", "is not a header of an event in binary mode"))
        elif name in event:
            found.append(Violation(place, "duplicate-name", "came more than once"))
        elif text is None:
            found.append(Violation(place, "percent-encoding", "must be percent-encoded UTF-8 text"))
        else:
            event[name] = text
    event["data"] = data
    return event, tuple(dict.fromkeys(found))


def key_of(event: Any) -> str:
    """What makes an event the same one: SHA-256 over source and id (§3.1.1); "" when one of them is missing."""
    source, id_ = (event.get("source"), event.get("id")) if isinstance(event, dict) else (None, None)
    if not (isinstance(source, str) and source and isinstance(id_, str) and id_):
        return ""
    return hashlib.sha256(_encode([source, id_])).hexdigest()


def digest_of(event: Any) -> str:
    """SHA-256 over the whole event, whichever mode it came in. The media type says how data was written, not what."""
    if isinstance(event, dict):
        event = {name: value for name, value in event.items() if name != "datacontenttype"}
    return hashlib.sha256(_encode(event)).hexdigest()


def event_schema(types: Mapping[str, dict[str, Any]], definitions: dict[str, Any]) -> dict[str, Any]:
    """The schema of an event document: `types` gives for each event type what it asks of the event besides, a schema
    whose local references lead into `definitions`."""
    schema: dict[str, Any] = {
        "type": "object",
        "required": ["specversion", "id", "source", "type"],
        "properties": {
            "specversion": {"const": "1.0"},
            "id": _TEXT,
            "source": {**_TEXT, "format": "uri-reference"},
            "type": {"enum": sorted(types)},
            "subject": _TEXT,
            "time": {"type": "string", "format": "date-time"},
            "dataschema": {**_TEXT, "format": "uri"},
            "datacontenttype": {**_TEXT, "pattern": _JSON_MEDIA},
            "data_base64": False,  # data is checked, so it must be JSON
            "data": True,
        },
        "propertyNames": {"pattern": "^([a-z0-9]+|data_base64)$"},
        "additionalProperties": _STRING,
        "allOf": [
            {"if": {"properties": {"type": {"const": name}}, "required": ["type"]}, "then": asked}
            for name, asked in sorted(types.items())
        ],
    }
    return {**schema, "$defs": definitions} if definitions else schema


def asked_of(payload: Schema, attributes: dict[str, Any], required: Iterable[str]) -> dict[str, Any]:
    """What one event type asks of an event: its data, and its own attributes."""
    return {"properties": {**attributes, "data": payload}, "required": ["data", *required]}


def _canonical(value: Any) -> Any:
    """Canonical string form of booleans and integers (§3.2); anything else stays, for the schema to judge."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if type(value) is int else value


def _unescaped(value: bytes) -> str | None:
    """A header's value as text (HTTP binding §3.1.3.2); None when it is no percent-encoded UTF-8."""
    text = value.decode("latin-1").strip()
    quoted = _QUOTED.fullmatch(text)
    if quoted:
        text = re.sub(r"\\(.)", r"\1", quoted[1])
    if not text.isascii() or text.count("%") != len(_ESCAPE.findall(text)):
        return None
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        return None


def _shown(name: str) -> str:
    """A header's name as far as it is an attribute's: others are the sender's own."""
    return f"ce-{name}" if _NAME.fullmatch(name) and len(name) <= 20 else "ce-*"
