"""What kinds of policies there are, for whoever loads a workspace: config checks, which must enforce, the bundle."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from importlib.resources import files
from typing import Any

import msgspec
import yaml

from catalog.envelope import Envelope
from catalog.errors import Problem
from catalog.shape import shape
from policies.builtin import BUILTIN

#: phases whose policies decide who somebody is or whether a call runs twice: there is no trying them out
_ENFORCED_PHASES = frozenset({"identity", "entity", "claim"})

UNSHADOWABLE = frozenset(kind.id for kind in BUILTIN.values() if kind.phase in _ENFORCED_PHASES)


def policy_kinds() -> dict[str, Callable[[dict[str, Any]], list[Problem]]]:
    """Policy id -> check of a config; pointers of the problems are relative to the config."""
    return {policy_id: partial(_check, kind.config_type) for policy_id, kind in BUILTIN.items()}


def _check(config_type: type[msgspec.Struct], config: dict[str, Any]) -> list[Problem]:
    return shape(config, config_type, "")[1]


@cache
def default_bundle() -> tuple[Envelope, ...]:
    """The envelopes that apply in every workspace unless it replaces them by name."""
    text = (files("policies") / "bundles" / "default.yaml").read_text("utf-8")
    return tuple(msgspec.convert(yaml.safe_load(text), list[Envelope]))
