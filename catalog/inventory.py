"""What a workspace holds once it is loaded, and where its files lie."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from catalog.canonical import CanonicalSchema
from catalog.contract import Contract, ContractVersion
from catalog.envelope import Envelope
from catalog.errors import Problem
from catalog.measure import Measure
from catalog.network import Binding, Consumer, Entity, System
from catalog.slo import SloSpec

SETTINGS = "waybill.yaml"
FOLDERS = (*("contracts", "schemas", "entities", "systems", "bindings", "consumers", "policies", "slos", "measures"),)
SUFFIXES = (".yaml", ".yml", ".json")

#: what `include` may name -> folder beside this module
LIBRARIES = {"procure-to-pay": "library"}
#: paths of library files start with this
LIBRARY_PREFIX = "library:"

#: checks the `config` of one policy; pointers of its problems are relative to the config
ConfigCheck = Callable[[dict[str, Any]], list[Problem]]


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`waybill.yaml`."""

    workspace: str
    include: list[str] = []


class Workspace(msgspec.Struct, frozen=True):
    """Everything a workspace says, checked. `sources` gives the file of each thing: "<kind>/<name>" -> path."""

    name: str
    contracts: dict[str, Contract]
    versions: tuple[ContractVersion, ...]  # every version, drafts included, sorted by name and version
    schemas: dict[str, CanonicalSchema]  # "supplier@1.0.0" -> schema
    entities: dict[str, Entity]
    systems: dict[str, System]
    bindings: tuple[Binding, ...]
    consumers: dict[str, Consumer]
    envelopes: dict[str, Envelope]  # bundled ones included
    policy_files: dict[str, dict[str, str]]  # envelope name -> path as written -> content
    slos: dict[str, SloSpec]
    measures: dict[str, Measure]
    notes: tuple[Problem, ...]  # what contracts declare and nobody enforces
    sources: dict[str, str]

    def version(self, ref: str) -> ContractVersion | None:
        """The contract version known as `name@version`."""
        return next((version for version in self.versions if version.ref == ref), None)
