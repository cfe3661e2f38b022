"""Request bodies and their media types in two versions; the entries of a media type are compared for answers too."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from catalog.compatibility.contract.ledger import Ledger, Place
from catalog.compatibility.contract.rule import Direction
from catalog.compatibility.contract.side import Side

_CHARSET = re.compile(r";\s*charset=[^;]*", re.IGNORECASE)
_SPACE = re.compile(r"\s+")


def compare_bodies(
    ledger: Ledger, old: dict[str, Any], new: dict[str, Any], direction: Direction, place: Place
) -> None:
    """The bodies of an operation, `direction` being theirs."""
    where = place.at("requestBody")
    before = ledger.sides.old.object(old.get("requestBody")) if "requestBody" in old else None
    after = ledger.sides.new.object(new.get("requestBody")) if "requestBody" in new else None
    if before is None and after is not None:
        rule = "body-required-added" if after.get("required") is True else "body-added"
        ledger.tell(rule, where, direction, None, after)
    elif before is not None and after is None:
        ledger.tell("body-removed", where, direction, before, None)
    elif before is not None and after is not None:
        was, is_ = before.get("required") is True, after.get("required") is True
        if was != is_:
            ledger.tell("body-became-required" if is_ else "body-became-optional", where, direction, was, is_)
        ledger.words("body-described", where, before, after, "description")
        ledger.extensions(where, before, after)
        compare_contents(ledger, before, after, direction, where, ("body-media-type-removed", "body-media-type-added"))


def compare_contents(
    ledger: Ledger,
    old: dict[str, Any],
    new: dict[str, Any],
    direction: Direction,
    place: Place,
    rules: tuple[str, str],
) -> None:
    """Media types of a body or answer; `rules` tell of one that is gone and of one that came."""
    before, after = contents(ledger.sides.old, old), contents(ledger.sides.new, new)
    removed, added = rules
    taken = set()
    for media, entry in sorted(before.items()):
        found = covering(media, after)
        taken |= set(found)
        if not found:
            ledger.tell(removed, place.at("content", media), direction, entry, None, what=media)
        for name in found:
            _entries(ledger, entry, after[name], direction, place.at("content", media), media)
    for media, entry in sorted(after.items()):
        if not covering(media, before):  # a range that takes in what was there is wider: also new
            ledger.tell(added, place.at("content", media), direction, None, entry, what=media)
        elif media not in before and media not in taken:
            for name in covering(media, before):  # a range was narrowed to what it held
                _entries(ledger, before[name], entry, direction, place.at("content", media), media)


def contents(side: Side, node: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Entries by media type, in one spelling."""
    found = {}
    for name, entry in side.members(node, "content"):
        found[_SPACE.sub("", _CHARSET.sub("", name)).lower()] = side.object(entry)
    return found


def covering(media: str, known: Mapping[str, Any]) -> list[str]:
    """The media type itself, else the narrowest range that holds it (RFC 9110 §12.5.1)."""
    main = media.split("/", 1)[0]
    return next(([name] for name in (media, f"{main}/*", "*/*") if name in known), [])


def _entries(
    ledger: Ledger, old: dict[str, Any], new: dict[str, Any], direction: Direction, place: Place, media: str
) -> None:
    rule = "body-described" if "/requestBody/" in place.location else "answer-described"
    ledger.words(rule, place, old, new, "example", "examples")
    ledger.extensions(place, old, new)
    parts = (old.get("encoding") or {}, new.get("encoding") or {})
    for part in _differing(ledger, *parts):
        ledger.tell("encoding-changed", place.at("encoding", part), direction, parts[0].get(part), parts[1].get(part))
    ledger.schema(place.at("schema"), direction, old.get("schema"), new.get("schema"), media)


def _differing(ledger: Ledger, old: dict[str, Any], new: dict[str, Any]) -> Iterable[str]:
    return sorted(name for name in old.keys() | new.keys() if not ledger.is_same(old.get(name), new.get(name)))
