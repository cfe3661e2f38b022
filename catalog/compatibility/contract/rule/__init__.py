"""The law of contract comparison as data: what may differ between two versions, and how much it weighs.

`surface` holds operations, security, meaning; `content` parameters, bodies, answers, headers; `shape` schemas;
`event` AsyncAPI. Source: the table of the compatibility rules, OpenAPI 3.1.1, AsyncAPI 3.0.0.
"""

from __future__ import annotations

from catalog.compatibility.contract.rule import content, event, shape, surface
from catalog.compatibility.contract.rule.rule import BREAKS, ORDER, Bump, Direction, Rule, Severity

RULES: dict[str, Rule] = {rule.id: rule for rule in (*surface.RULES, *content.RULES, *shape.RULES, *event.RULES)}

__all__ = ["BREAKS", "ORDER", "RULES", "Bump", "Direction", "Rule", "Severity"]
