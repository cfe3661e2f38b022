"""Who answers for a canonical schema: its owner (the team that keeps it) and its steward (whoever decides in the
business what it means). It stands beside the versions, because they never change and their owner may."""

from __future__ import annotations

from typing import Literal

import msgspec


class SchemaOwnership(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """schemas/<object>/schema.yaml: holds for every version of the schema."""

    schema: str  # the object
    owner: str = ""  # the team that keeps it
    steward: str = ""  # who decides in the business what it means
    title: str = ""  # for people
    policy: Literal["strict", "wire"] = "strict"  # wire: readers ignore members that they do not know
