"""Which files a workspace holds and what each is read as."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from catalog.calendar import Calendar
from catalog.contract import Contract
from catalog.envelope import Envelope
from catalog.governance import Governance
from catalog.inventory import Settings
from catalog.measure import Measure
from catalog.network import Binding, Consumer, Entity, System, SystemOfRecord
from catalog.ownership import SchemaOwnership
from catalog.slo import SloDocument
from catalog.template import Template
from catalog.waiver import Waiver


class FileKind(NamedTuple):
    name: str
    path: str  # from the folder of waybill.yaml; `*` stands for a name of the writer's own
    type: type[msgspec.Struct]
    is_list: bool = False  # the file holds a list of them
    inherited: str = ""  # field that, when given, stands in for every required one but the first two


FILE_KINDS = (
    FileKind("workspace", "waybill.yaml", Settings),
    FileKind("governance", "governance.yaml", Governance),
    FileKind("contract", "contracts/*/*/contract.yaml", Contract),
    FileKind("schema", "schemas/*/schema.yaml", SchemaOwnership),
    FileKind("template", "templates/*.yaml", Template),
    FileKind("entity", "entities/*.yaml", Entity, inherited="template"),
    FileKind("calendar", "calendars/*.yaml", Calendar),
    FileKind("system", "systems/*.yaml", System),
    FileKind("bindings", "bindings/*.yaml", Binding, is_list=True),
    FileKind("records", "records/*.yaml", SystemOfRecord, is_list=True),
    FileKind("consumer", "consumers/*.yaml", Consumer),
    FileKind("policies", "policies/*.yaml", Envelope, is_list=True),
    FileKind("slo", "slos/*.yaml", SloDocument),
    FileKind("measures", "measures/*.yaml", Measure, is_list=True),
    FileKind("waivers", "waivers/*.yaml", Waiver, is_list=True),
)
