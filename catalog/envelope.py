"""The envelope of a policy: where, how and whether it is put to work (policies/*.yaml; design §4.3).

It belongs to the host; the policy itself never sees it, only its `config`.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec


class Match(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Where a policy applies; an empty list matches everything; names may use `*` at either end."""

    contracts: list[str] = []  # contract names
    operations: list[str] = []  # operationIds
    consumers: list[str] = []  # tested per call; the other three when the snapshot is compiled
    entities: list[str] = []  # tested per call, from the entity step on
    layers: list[str] = []  # layers of contracts


class Envelope(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """policies/*.yaml: one policy as it is put to work."""

    name: str  # unique in the workspace
    policy: str  # id of the policy, e.g. "rate-limit"
    enabled: bool = True  # false: not part of any chain
    mode: Literal["enforce", "shadow"] = "enforce"  # shadow: decisions are recorded and not acted on
    on_error: Literal["reject", "allow"] = "reject"  # what a failure of the policy itself does to the call
    match: Match = Match()  # where it applies
    config: dict[str, Any] = {}  # settings of the policy


class PolicyBlob(msgspec.Struct, frozen=True):
    """A policy as it travels in the snapshot: the envelope and the text of the files its config names."""

    envelope: Envelope
    files: dict[str, str] = {}  # path as written in the config -> content
