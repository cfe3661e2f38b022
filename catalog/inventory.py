"""What a workspace holds once it is loaded, and where its files lie."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import msgspec

from catalog.calendar import Calendar
from catalog.canonical import CanonicalSchema
from catalog.contract import Contract, ContractVersion
from catalog.envelope import Envelope
from catalog.errors import Problem
from catalog.governance import Governance
from catalog.measure import Measure
from catalog.network import Binding, Consumer, Entity, System, SystemOfRecord
from catalog.ownership import SchemaOwnership
from catalog.slo import SloSpec
from catalog.template import Template
from catalog.waiver import Waiver

SETTINGS = "waybill.yaml"
GOVERNANCE = "governance.yaml"
FOLDERS = (
    "contracts", "schemas", "entities", "templates", "calendars", "systems", "bindings", "records", "consumers",
    "policies", "slos", "measures", "waivers",
)  # fmt: skip
SUFFIXES = (".yaml", ".yml", ".json")

#: what `include` may name -> folder beside this module
LIBRARIES = {"procure-to-pay": "library"}
#: paths of library files start with this
LIBRARY_PREFIX = "library:"

#: checks the `config` of one policy; pointers of its problems are relative to the config
ConfigCheck = Callable[[dict[str, Any]], list[Problem]]


Severity = Literal["error", "warning", "hint"]


class Ignored(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A finding that may stay, of a file that has no place for `x-waybill-lint`."""

    rule: str  # id of a lint rule
    file: str  # path within the workspace
    reason: str  # why it may stay


class LintSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How strict `waybill lint` is in this workspace."""

    rules: dict[str, Literal["off", "hint", "warning", "error"]] = {}  # id of a lint rule -> its severity here
    ignore: list[Ignored] = []  # findings that may stay; documents say it themselves with x-waybill-lint


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """`waybill.yaml`."""

    workspace: str  # its name
    include: list[str] = []  # built-in libraries it builds on: procure-to-pay
    lint: LintSettings = LintSettings()  # severities of lint rules, and findings that may stay


class Workspace(msgspec.Struct, frozen=True):
    """Everything a workspace says, checked. `sources` gives the file of each thing: "<kind>/<name>" -> path."""

    name: str
    contracts: dict[str, Contract]
    versions: tuple[ContractVersion, ...]  # every version, drafts included, sorted by name and version
    schemas: dict[str, CanonicalSchema]  # "supplier@1.0.0" -> schema
    ownerships: dict[str, SchemaOwnership]  # "supplier" -> who answers for its schema
    templates: dict[str, Template]
    calendars: dict[str, Calendar]
    entities: dict[str, Entity]  # what their templates give filled in
    systems: dict[str, System]
    bindings: tuple[Binding, ...]  # those that templates make included
    records: tuple[SystemOfRecord, ...]
    consumers: dict[str, Consumer]  # entities that templates grant included
    envelopes: dict[str, Envelope]  # bundled ones included
    policy_files: dict[str, dict[str, str]]  # envelope name -> path as written -> content
    slos: dict[str, SloSpec]
    measures: dict[str, Measure]
    waivers: dict[str, Waiver]  # "<subject> <fingerprint>" -> waiver
    governance: Governance | None
    notes: tuple[Problem, ...]  # what contracts declare and nobody enforces
    sources: dict[str, str]
    lint: LintSettings = LintSettings()

    def version(self, ref: str) -> ContractVersion | None:
        """The contract version known as `name@version`."""
        return next((version for version in self.versions if version.ref == ref), None)
