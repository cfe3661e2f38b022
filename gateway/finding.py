"""What the answer to a look-up proves about a call whose outcome is not known (design §11.3). Pure."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import msgspec

from catalog.pointer import resolve
from policies.document import read_json

Found = Literal["one", "absent", "several", "unexpected", "away"]

#: answers that say nothing about the object: the system is away, busy, or refuses our credential just now
_AWAY = frozenset({401, 403, 407, 408, 425, 429, 500, 502, 503, 504})
_encode = msgspec.json.Encoder(decimal_format="number").encode


class Finding(NamedTuple):
    found: Found
    reason: str = ""
    bodies: tuple[bytes, ...] = ()  # the candidates that match


def judge(status: int, body: bytes, select: str, where: dict[str, list[Any]]) -> Finding:
    """What a look-up's answer proves. `select` points at the object or the array of candidates; every pointer of
    `where` must have one of its values in a candidate. Pure."""
    if status == 404 and select == "":
        return Finding("absent")  # asked for the very object
    if status in _AWAY:
        return Finding("away", f"the system answers {status} to the look-up")
    if not 200 <= status < 300:
        return Finding("unexpected", f"the system answers {status} to the look-up")
    document, flaw = read_json(body)
    if flaw:
        return Finding("unexpected", "the look-up's answer is not JSON")
    selected = resolve(document, select)
    if selected is None:
        return Finding("unexpected", f"the look-up's answer has nothing at {select!r}")
    candidates = selected if isinstance(selected, list) else [selected]
    matches = [item for item in candidates if all(resolve(item, at) in values for at, values in where.items())]
    if select == "" and len(matches) == 1 and matches[0] is selected:
        return Finding("one", bodies=(body,))  # as the system wrote it
    return counted(tuple(_encode(match) for match in matches))


def counted(bodies: tuple[bytes, ...]) -> Finding:
    if len(bodies) > 1:
        return Finding("several", f"{len(bodies)} objects match the look-up", bodies)
    return Finding("one", bodies=bodies) if bodies else Finding("absent")
