"""Rules about how versions come and go."""

from __future__ import annotations

from collections.abc import Iterator

from catalog.consistency.contract import moment
from catalog.inventory import Workspace
from catalog.lifecycle import SHORTEST_NOTICE
from catalog.lint.finding import Place, Rule
from catalog.pointer import join


def _short_notice(workspace: Workspace) -> Iterator[Place]:
    for name, contract in workspace.contracts.items():
        for version, state in contract.versions.items():
            start, end = moment(state.deprecated_at), moment(state.sunset_at)
            if state.state == "deprecated" and start and end and end - start < SHORTEST_NOTICE:
                told = f"{version} ends {(end - start).days} days after it was deprecated"
                yield Place(told, workspace.sources[f"contract/{name}"], join("/versions", version, "sunset_at"))


RULES = (
    Rule(
        "sunset-leaves-time",
        "hint",
        "Teams must plan, test and release before a version they use is gone.",
        f"leave {SHORTEST_NOTICE.days} days or more between deprecated_at and sunset_at",
        _short_notice,
    ),
)
