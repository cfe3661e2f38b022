"""A decision is a value. Nothing in it can act; only the gateway's runner answers."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from catalog.errors import Violation
from catalog.network import Consumer
from policies.keyset import KeySource

Kind = Literal["allow", "reject", "hold", "flag"]


class Identity(msgspec.Struct, frozen=True):
    """Who calls, as an authenticating policy found out."""

    consumer: Consumer
    principal: str  # "key:<key id>", "jwt:<subject>", "mtls:<subject>"
    scopes: frozenset[str] | None = None  # None: the scopes granted to the consumer for the contract


class Replay(msgspec.Struct, frozen=True):
    """Answer with what was answered before instead of going on."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    first_exchange_id: str
    needs_check: bool = False  # the stored answer was never checked (crash in between): run the back chain


class Decision(msgspec.Struct, frozen=True, omit_defaults=True):
    """`allow` goes on; `reject` answers a problem; `hold` keeps it for a person; `flag` goes on and is recorded."""

    kind: Kind
    status: int = 0  # reject: HTTP status
    code: str = ""  # stable slug, the last part of the problem type
    detail: str = ""
    violations: tuple[Violation, ...] = ()
    headers: tuple[tuple[bytes, bytes], ...] = ()  # added to the answer, whatever it becomes
    identity: Identity | None = None
    replay: Replay | None = None
    wanted_keys: KeySource | None = None  # reject: the host may fetch these keys once and ask again
    members: dict[str, Any] = {}  # extension members of the problem document

    @property
    def is_plain(self) -> bool:
        """Whether it goes on and says no more than what to add to the answer."""
        return self.kind == "allow" and self.identity is None and self.replay is None


ALLOW = Decision("allow")


def reject(status: int, code: str, detail: str, violations: tuple[Violation, ...] = (), **more: Any) -> Decision:
    return Decision("reject", status=status, code=code, detail=detail, violations=violations, **more)


__all__ = ["ALLOW", "Decision", "Identity", "Kind", "Replay", "Violation", "reject"]
