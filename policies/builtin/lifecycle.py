"""Deprecated versions say so on every answer; retired ones answer 410 and name their successor.

Sources: RFC 9745 (Deprecation), RFC 8594 (Sunset), RFC 5829 §3.3 (successor-version), RFC 9110 §15.5.11 (410).
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime
from typing import ClassVar, Self

import msgspec

from catalog.contract import ContractVersion
from policies.decision import Decision, reject
from policies.policy import Facts, Phase, Surroundings
from policies.request import Request


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class LifeCycle:
    id: ClassVar[str] = "lifecycle"
    version: ClassVar[str] = "1.0.0"
    phase: ClassVar[Phase] = "late"
    after: ClassVar[tuple[str, ...]] = ("rate-limit",)
    config_type: ClassVar[type[msgspec.Struct]] = Config

    def __init__(self, decision: Decision) -> None:
        self._decision = decision

    @classmethod
    def compile(cls, config: Config, around: Surroundings) -> Self | None:
        version = around.version
        headers = _headers(version, around)
        if version.state.state == "retired":
            successor = _successor(version)
            detail = f"This version is retired; use {successor}." if successor else "This version is retired."
            return cls(reject(410, "retired", detail, headers=headers))
        return cls(Decision("allow", headers=headers)) if version.state.state == "deprecated" else None

    def decide(self, request: Request, facts: Facts) -> Decision:
        return self._decision


def _headers(version: ContractVersion, around: Surroundings) -> tuple[tuple[bytes, bytes], ...]:
    state = version.state
    headers = []
    if state.deprecated_at:
        headers.append((b"deprecation", b"@%d" % _moment(state.deprecated_at).timestamp()))
    if state.sunset_at:
        headers.append((b"sunset", format_datetime(_moment(state.sunset_at), usegmt=True).encode()))
    base_path = around.base_paths.get(_successor(version))
    if base_path:
        headers.append((b"link", f'<{base_path}>; rel="successor-version"'.encode()))
    return tuple(headers)


def _successor(version: ContractVersion) -> str:
    """The successor as `name@version`; "" when none is named."""
    successor = version.state.successor or ""
    return f"{version.contract.contract}@{successor}" if successor and "@" not in successor else successor


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
