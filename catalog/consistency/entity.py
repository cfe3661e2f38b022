"""Legal entities: their parents, members, facilities and calendars; the templates that they are made of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from zoneinfo import available_timezones

from catalog.calendar import WEEKDAYS
from catalog.consistency.known import NAME, RENAME, Known
from catalog.errors import Problem
from catalog.inventory import Workspace
from catalog.network import Entity
from catalog.pointer import join

_CURRENCY = re.compile(r"[A-Z]{3}")  # ISO 4217
_ZONE = "such as America/Chicago, or UTC"
_MODULUS = 10


def entities(workspace: Workspace, known: Known) -> Iterator[Problem]:
    zones = available_timezones()
    for name, entity in workspace.entities.items():
        checks = (
            *_values(entity, zones),
            *_parent(workspace, known, entity),
            *_members(known, entity),
            *_facilities(entity, zones),
        )
        for message, pointer, remedy in checks:
            file, base = _place(workspace, name, pointer)
            yield Problem(message, base + pointer, file, remedy, "entity")
        if entity.calendar is not None and not known.has("calendar", entity.calendar):
            file, base = _place(workspace, name, "/calendar")
            remedy = known.remedy("calendar", entity.calendar)
            message = f"calendar {entity.calendar!r} does not exist"
            yield Problem(message, f"{base}/calendar", file, remedy, "entity")


def _place(workspace: Workspace, name: str, pointer: str) -> tuple[str, str]:
    """The file that says what `pointer` of an entity leads to, and where in it the entity's fields lie: the
    template's, when the entity has it from there."""
    entity = workspace.entities[name]
    field = pointer.split("/")[1]
    template = workspace.templates.get(entity.template or "")
    if template is not None and getattr(template.entity, field, None) == getattr(entity, field):
        return workspace.sources[f"template/{template.template}"], "/entity"
    return workspace.sources[f"entity/{name}"], ""


def _values(entity: Entity, zones: set[str]) -> Iterator[tuple[str, str, str]]:
    if not NAME.fullmatch(entity.entity):
        yield "not a name", "/entity", RENAME
    if not _CURRENCY.fullmatch(entity.currency):
        yield "not an ISO 4217 code", "/currency", "three capital letters, such as USD"
    if entity.timezone not in zones:
        yield "not an IANA time zone", "/timezone", _ZONE


def _parent(workspace: Workspace, known: Known, entity: Entity) -> Iterator[tuple[str, str, str]]:
    seen, parent = {entity.entity}, entity.parent
    while parent is not None:
        if parent not in workspace.entities:
            if not known.has("entity", parent):
                yield f"entity {parent!r} does not exist", "/parent", known.remedy("entity", parent)
            return
        if parent in seen:
            yield "parents go round in a circle", "/parent", "leave out one parent"
            return
        seen.add(parent)
        parent = workspace.entities[parent].parent


def _members(known: Known, entity: Entity) -> Iterator[tuple[str, str, str]]:
    for index, member in enumerate(entity.members):
        place = join("/members", index)
        if member == entity.entity:
            yield "an entity is no member of itself", place, "leave it out"
        elif not known.has("entity", member):
            yield f"entity {member!r} does not exist", place, known.remedy("entity", member)


def _facilities(entity: Entity, zones: set[str]) -> Iterator[tuple[str, str, str]]:
    seen: set[str] = set()
    for index, facility in enumerate(entity.facilities):
        place = join("/facilities", index)
        if not NAME.fullmatch(facility.facility):
            yield "not a name", join(place, "facility"), RENAME
        if facility.facility in seen:
            yield f"facility {facility.facility!r} is there already", join(place, "facility"), "rename or remove one"
        seen.add(facility.facility)
        if facility.gln and not is_gln(facility.gln):
            yield "not a Global Location Number", join(place, "gln"), "13 digits, the last of them the check digit"
        if facility.timezone is not None and facility.timezone not in zones:
            yield "not an IANA time zone", join(place, "timezone"), _ZONE


def is_gln(text: str) -> bool:
    """Source: GS1 General Specifications §7.9, check digit of a 13-digit key."""
    if not re.fullmatch("[0-9]{13}", text):
        return False
    return sum(int(digit) * (3 if index % 2 else 1) for index, digit in enumerate(text)) % _MODULUS == 0


def templates(workspace: Workspace, known: Known) -> Iterator[Problem]:
    """What its bindings name is checked with the bindings."""
    for name, template in workspace.templates.items():
        file = workspace.sources[f"template/{name}"]
        if not NAME.fullmatch(name):
            yield Problem("not a name", "/template", file, RENAME, "template")
        for index, consumer in enumerate(template.consumers):
            if not known.has("consumer", consumer):
                remedy = known.remedy("consumer", consumer)
                message = f"consumer {consumer!r} does not exist"
                yield Problem(message, join("/consumers", index), file, remedy, "template")
        seen: set[tuple[str, int]] = set()
        for index, item in enumerate(template.bindings):
            if (item.contract, item.major) in seen:
                message = f"{item.contract} v{item.major} is bound twice"
                yield Problem(message, join("/bindings", index), file, "leave out one", "template")
            seen.add((item.contract, item.major))


def calendars(workspace: Workspace) -> Iterator[Problem]:
    for name, calendar in workspace.calendars.items():
        file = workspace.sources[f"calendar/{name}"]
        if not NAME.fullmatch(name):
            yield Problem("not a name", "/calendar", file, RENAME, "calendar")
        if len(set(calendar.weekend)) == len(WEEKDAYS):
            yield Problem("leaves no day to work", "/weekend", file, "leave out the days that are worked", "calendar")
        days = [holiday.date for holiday in calendar.holidays]
        for index, day in enumerate(days):
            if day in days[:index]:
                place = join("/holidays", index, "date")
                yield Problem(f"{day} is there already", place, file, "leave out one", "calendar")
