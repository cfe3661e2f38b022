"""Reading the network: templates, entities, calendars, systems, bindings, records and consumers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

import msgspec

from catalog.calendar import Calendar
from catalog.errors import Problem
from catalog.loading.file import Files
from catalog.network import Binding, Consumer, Entity, System, SystemOfRecord
from catalog.pointer import join
from catalog.shape import shape
from catalog.template import Template, bindings_of, granted, merged


def read_templates(files: Files) -> dict[str, Template]:
    return files.named("templates", "template", Template, lambda item: item.template)


def read_calendars(files: Files) -> dict[str, Calendar]:
    return files.named("calendars", "calendar", Calendar, lambda item: item.calendar)


def read_systems(files: Files) -> dict[str, System]:
    return files.named("systems", "system", System, lambda item: item.system)


def read_entities(files: Files, templates: Mapping[str, Template]) -> dict[str, Entity]:
    """Legal entities, each with what its template gives."""
    found: dict[str, Entity] = {}
    for path, _ in files.paths("entities"):
        data = files.one(path)
        entity = _entity(files, data, path, templates)
        if entity is None:
            files.lose("entity", "entity", data, path)
        elif files.note_source("entity", entity.entity, path):
            found[entity.entity] = entity
    return found


def _entity(files: Files, data: Any, path: str, templates: Mapping[str, Template]) -> Entity | None:
    if data is None:
        return None
    name = data.get("template") if isinstance(data, dict) else None
    template = templates.get(name) if isinstance(name, str) else None
    if isinstance(name, str) and template is None:
        _refuse_template(files, name, path, templates)
        return None
    entity, problems = shape(data if template is None else merged(data, template), Entity, path)
    files.problems += problems if template is None else _told(problems, data, template, files)
    return entity


def _refuse_template(files: Files, name: str, path: str, templates: Mapping[str, Template]) -> None:
    if f"template/{name}" not in files.lost:
        near = get_close_matches(name, templates, 1)
        remedy = f"did you mean {near[0]}?" if near else "write it in templates/<id>.yaml"
        files.refuse(f"template {name!r} does not exist", path, "/template", remedy, "entity")


def _told(problems: list[Problem], own: dict[str, Any], template: Template, files: Files) -> Iterator[Problem]:
    """Problems of an entity with a template: what neither of the two gives can be given in both. What the template's
    own file has wrong is told there."""
    source = files.sources[f"template/{template.template}"]
    for problem in problems:
        if problem.pointer == "" and problem.remedy.startswith("add "):
            yield msgspec.structs.replace(problem, remedy=f"{problem.remedy}, here or under entity: in {source}")
        else:
            yield problem


def read_bindings(
    files: Files, entities: Mapping[str, Entity], templates: Mapping[str, Template]
) -> tuple[Binding, ...]:
    """Bindings of the workspace, and those that templates make for their entities."""
    own = [
        item
        for item, path, pointer in files.items("bindings", Binding, "binding", "contract")
        if files.note_source("binding", binding_name(item), path, pointer)
    ]
    bound = {(item.contract, item.major, item.entity) for item in own}
    made = []
    for template in templates.values():
        of_template = [name for name, entity in entities.items() if entity.template == template.template]
        path = files.sources[f"template/{template.template}"]
        for binding, index in bindings_of(template, of_template, bound):
            if files.note_source("binding", binding_name(binding), path, join("/bindings", index)):
                made.append(binding)
    return (*own, *made)


def read_records(files: Files) -> tuple[SystemOfRecord, ...]:
    return tuple(
        item
        for item, path, pointer in files.items("records", SystemOfRecord, "record", "object")
        if files.note_source("record", item.name, path, pointer)
    )


def read_consumers(
    files: Files, entities: Mapping[str, Entity], templates: Mapping[str, Template]
) -> dict[str, Consumer]:
    """Consumers, with the entities added whose templates name them."""
    found = files.named("consumers", "consumer", Consumer, lambda item: item.consumer)
    return {name: granted(consumer, entities, templates) for name, consumer in found.items()}


def binding_name(binding: Binding) -> str:
    return f"{binding.contract}/{binding.major}/{binding.entity}"
