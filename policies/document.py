"""Reading a JSON document off the wire: exact numbers, and no text that two readers could take for two documents.

Source: RFC 8259; its §4 leaves duplicate names to the reader, and readers differ.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from catalog.pointer import join

_MOST_EXPONENT = 400  # a longer one is a size attack on whoever writes the number out

_encode = msgspec.json.Encoder().encode


def _number(text: str) -> Decimal:
    value = Decimal(text)
    if ("e" in text or "E" in text) and abs(value.adjusted()) > _MOST_EXPONENT:
        raise InvalidOperation
    return value


_decode = msgspec.json.Decoder(float_hook=_number).decode


def read_json(body: bytes) -> tuple[Any, str]:
    """(document, ""), or (None, why it is none). Integers are int, other numbers Decimal; never raises."""
    try:
        return _decode(body), ""
    except msgspec.DecodeError:
        return None, "The body is not well-formed JSON."
    except UnicodeDecodeError:
        return None, "The body is not UTF-8 text."
    except RecursionError:
        return None, "The body is nested too deeply."
    except (ArithmeticError, ValueError):
        return None, "The body holds a number that is out of range."


def has_duplicate_names(body: bytes, document: Any) -> bool:
    """Whether an object of `body`, whose parsed form is `document`, has a name twice.

    Parsing keeps one member of each name, so encoding the document again loses at least the colon of each member that
    was dropped; colons inside of strings are the same on both sides unless one was written as an escape.
    """
    if body.count(b":") == _encode(document).count(b":") and not (b"\\" in body and b"\\u003" in body):
        return False
    return bool(duplicate_pointers(body))


def duplicate_pointers(body: bytes, most: int = 20) -> list[str]:
    """JSON pointers of objects' names that occur more than once; slow and exact, for documents that parse."""
    found: list[str] = []

    def collect(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members: dict[str, Any] = {}
        for name, value in pairs:
            if name in members:
                members.setdefault(_REPEATED, []).append(name)
            members[name] = value
        return members

    tree = json.loads(body, object_pairs_hook=collect, parse_float=str, parse_int=str)
    for pointer, node in _objects(tree):
        found += [join(pointer, name) for name in node.get(_REPEATED, ())]
        if len(found) >= most:
            break
    return found[:most]


_REPEATED: Any = object()  # no JSON name can be equal to it


def _objects(tree: Any) -> Iterator[tuple[str, dict[Any, Any]]]:
    stack = [("", tree)]
    while stack:
        pointer, node = stack.pop()
        if type(node) is dict:
            yield pointer, node
            stack += [(join(pointer, name), child) for name, child in node.items() if name is not _REPEATED]
        elif type(node) is list:
            stack += [(join(pointer, index), child) for index, child in enumerate(node)]


#: brackets of both kinds count as braces; all but structure and quotes goes
_TO_BRACES = bytes.maketrans(b"[]", b"{}")
_NOT_STRUCTURE = bytes(code for code in range(256) if code not in b'{}[]":,')
_DIGITS = bytes(48 if code in b"0123456789+-.eE" else 32 for code in range(256))


def structure(body: bytes) -> bytes:
    """Braces, colons and commas of a well-formed JSON text, those within strings left out."""
    if b"\\" in body:
        body = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    body = body.translate(_TO_BRACES, _NOT_STRUCTURE)
    bare = body.replace(b'""', b"")  # strings are apart by colon or comma: each that held no structure vanishes whole
    return b"".join(body.split(b'"')[::2]) if b'"' in bare else bare


def is_deeper(skeleton: bytes, depth: int) -> bool:
    """Whether the text with this `structure` nests deeper than `depth`."""
    braces = skeleton.translate(None, b":,")
    while braces and depth > 0:
        braces = braces.replace(b"{}", b"")
        depth -= 1
    return bool(braces)


def may_hold_long_number(body: bytes, length: int) -> bool:
    """False: surely no number is longer than `length` characters. True: perhaps, or a string looks like one."""
    return b"0" * (length + 1) in body.translate(_DIGITS)


def longest(document: Any) -> tuple[int, int]:
    """(characters of the longest number, UTF-8 bytes of the longest string or name) of a document."""
    number = text = 0
    stack = [document]
    while stack:
        node = stack.pop()
        kind = type(node)
        if kind is dict:
            text = max(text, *(len(name.encode()) for name in node), 0)
            stack += node.values()
        elif kind is list:
            stack += node
        elif kind is str:
            text = max(text, len(node.encode()))
        elif kind is int or kind is Decimal:
            number = max(number, len(str(node)))
    return number, text
