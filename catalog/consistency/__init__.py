"""What the files of a workspace must agree on: names that exist, life cycles, routes that nobody else has."""

from __future__ import annotations

from catalog.consistency.contract import contracts, kinds, ownerships, routes
from catalog.consistency.entity import calendars, entities, templates
from catalog.consistency.figure import measures, slos
from catalog.consistency.governance import approval_domains
from catalog.consistency.known import Known
from catalog.consistency.network import bindings, consumers, policies, systems
from catalog.consistency.record import records
from catalog.consistency.waiver import waivers
from catalog.errors import Problem
from catalog.inventory import Workspace


def consistency_problems(workspace: Workspace, unread: set[str], lost: set[str]) -> list[Problem]:
    """Every disagreement between the parts of a workspace.

    `unread` names contracts whose documents were refused: what depends on their operations is not judged. `lost` are
    things ("<kind>/<name>") whose files were refused: that they are missing is not told as well.
    """
    known = Known(workspace, lost)
    return [
        *contracts(workspace, known),
        *kinds(workspace),
        *routes(workspace),
        *ownerships(workspace, known),
        *entities(workspace, known),
        *templates(workspace, known),
        *calendars(workspace),
        *systems(workspace),
        *bindings(workspace, known),
        *records(workspace, unread, known),
        *policies(workspace, known),
        *consumers(workspace, unread, known),
        *slos(workspace, unread),
        *measures(workspace, unread, known),
        *waivers(workspace, known),
        *approval_domains(workspace),
    ]


__all__ = ["consistency_problems"]
