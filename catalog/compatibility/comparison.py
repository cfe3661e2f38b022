"""What a comparison says."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import msgspec

Verdict = Literal["compatible", "incompatible", "unknown"]
Mode = Literal["backward", "forward", "full"]
Policy = Literal["strict", "wire"]
Direction = Literal["request", "response"]

_BY_WEIGHT: tuple[Verdict, ...] = ("compatible", "unknown", "incompatible")


class Change(msgspec.Struct, frozen=True):
    """One difference between two schemas.

    `rule` is an id of `catalog.compatibility.RULES`. `pointer` (RFC 6901) leads to the keyword, or to the property,
    in the new schema, and in the old one when it was removed; `#/…` references count as part of the path that leads
    through them. `old` and `new` are the keyword's values, None where absent.

    `verdict` judges this change alone. `witness` counts exactly when that is "incompatible" (it may then be null): an
    instance of the whole schemas compared, not of the part that changed, that the writer's schema accepts and the
    reader's refuses, as `jsonschema` has confirmed. In mode backward the new schema reads what the old one wrote, in
    mode forward the other way round.
    """

    rule: str
    pointer: str
    old: Any
    new: Any
    verdict: Verdict
    message: str
    witness: Any = None


class Comparison(msgspec.Struct, frozen=True):
    """The verdict on two schemas and every change between them; () when nothing but annotations differs."""

    verdict: Verdict
    changes: tuple[Change, ...] = ()


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Kleene's and: incompatible over unknown over compatible; compatible for none."""
    return max(verdicts, key=_BY_WEIGHT.index, default="compatible")
