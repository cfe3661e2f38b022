"""Whom waivers are for."""

from __future__ import annotations

from collections.abc import Iterator

from catalog.consistency.known import Known, place_of
from catalog.errors import Problem
from catalog.inventory import Workspace
from catalog.pointer import join


def waivers(workspace: Workspace, known: Known) -> Iterator[Problem]:
    for key, waiver in workspace.waivers.items():
        if known.has("contract", waiver.subject) or known.has_schema(waiver.subject):
            continue
        file, pointer = place_of(workspace, f"waiver/{key}")
        remedy = known.remedy("contract", waiver.subject)
        message = f"there is neither a contract nor a canonical schema {waiver.subject!r}"
        yield Problem(message, join(pointer, "subject"), file, remedy, "waiver")
