"""Media types of messages: reading Content-Type, and finding what an operation declares for it (RFC 9110 §8.3.1)."""

from __future__ import annotations

from collections.abc import Collection

Headers = list[tuple[bytes, bytes]]  # names lower case, as received, in order

_KNOWN: dict[bytes, str] = {}
_MOST_KNOWN = 256


def media_type(headers: Headers) -> str:
    """Type and subtype in lower case without parameters; "" when there is none, or more than one header."""
    found = None
    for name, value in headers:
        if name == b"content-type":
            if found is not None:
                return ""
            found = value
    return "" if found is None else _plain(found)


def _plain(value: bytes) -> str:
    known = _KNOWN.get(value)
    if known is None:
        known = value.split(b";", 1)[0].strip().lower().decode("latin-1")
        if len(_KNOWN) < _MOST_KNOWN and len(value) <= 128:
            _KNOWN[value] = known
    return known


def declared_as(declared: Collection[str], media: str) -> str | None:
    """The declared media type or range that `media` falls under, the most specific first."""
    if media in declared:
        return media
    for candidate in (f"{media.partition('/')[0]}/*", "*/*"):
        if candidate in declared:
            return candidate
    return None


def declares(declared: Collection[str], media: str) -> bool:
    return media != "" and declared_as(declared, media) is not None


def is_json_type(media: str) -> bool:
    """Whether a message of this type holds a JSON document (RFC 6839 §3.1)."""
    return media == "application/json" or media.endswith(("/json", "+json"))
