"""Loads the files of a workspace as the control plane and the command line judge it: with the policies known."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, partial
from importlib.resources import files as resources
from typing import Any

import msgspec

import policies
from catalog.document import parse_document
from catalog.envelope import Envelope
from catalog.errors import Invalid, Problem
from catalog.inventory import ConfigCheck, Workspace
from catalog.shape import shape
from catalog.snapshot import Published
from catalog.workspace import load
from policies.builtin import BUILTIN

#: policies of these phases decide who calls, for whom, and what was answered before: nothing to try out in shadow
UNSHADOWABLE_PHASES = frozenset({"identity", "entity", "claim"})


def load_workspace(files: Mapping[str, str | bytes], published: Mapping[str, Published] | None = None) -> Workspace:
    """The workspace in `files` (text or bytes by path); `published` keeps the pins of what is published already.

    Raises: Invalid with every problem of every file.
    """
    return load(
        {path: text.encode() if isinstance(text, str) else text for path, text in files.items()},
        policy_kinds=policy_kinds(),
        unshadowable=[name for name, kind in BUILTIN.items() if kind.phase in UNSHADOWABLE_PHASES],
        bundle=bundle(),
        published=published,
    )


def policy_kinds() -> dict[str, ConfigCheck]:
    """The built-in policies, each with the check of its config."""
    return {name: partial(_check_config, kind.config_type) for name, kind in BUILTIN.items()}


@cache
def bundle() -> tuple[Envelope, ...]:
    """The envelopes that apply unless a workspace replaces them: policies/bundles/*.yaml.

    Raises: Invalid when the distribution is damaged.
    """
    found: list[Envelope] = []
    for file in sorted(resources(policies).joinpath("bundles").iterdir(), key=lambda each: each.name):
        if not file.name.endswith(".yaml"):
            continue
        documents, problems = parse_document(file.read_bytes(), file.name)
        for entry in documents[0] if documents and isinstance(documents[0], list) else documents:
            envelope, wrong = shape(entry, Envelope, file.name)
            problems += wrong
            found += [envelope] if envelope is not None else []
        if problems:
            raise Invalid("the bundled policies cannot be read", problems)
    return tuple(found)


def _check_config(kind: type[msgspec.Struct], config: dict[str, Any]) -> list[Problem]:
    return shape(config, kind, "")[1]
