"""What a workspace says about lint (`lint` in waybill.yaml), held to the rules that there are."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from catalog.errors import Problem
from catalog.inventory import SETTINGS, LintSettings
from catalog.lint import RULE_IDS, RULES
from catalog.pointer import join

#: ids of rules that a workspace may set; a breach of the others is refused whatever is said
SETTABLE = tuple(rule.id for rule in RULES if rule.told_by != "loading")


def lint_problems(settings: LintSettings) -> Iterator[Problem]:
    """Rules that do not exist, with the one that may be meant; rules whose breach is refused whatever is said."""
    named = [(rule, join("/lint/rules", rule)) for rule in settings.rules]
    named += [(each.rule, join("/lint/ignore", index, "rule")) for index, each in enumerate(settings.ignore)]
    for rule, pointer in named:
        if rule not in RULE_IDS:
            near = get_close_matches(rule, RULE_IDS, 1)
            remedy = f"did you mean {near[0]}?" if near else "`waybill reference` lists the rules"
            yield Problem(f"no lint rule {rule!r}", pointer, SETTINGS, remedy, "lint")
        elif rule not in SETTABLE:
            remedy = "remove it: what breaks this rule is refused by plan and apply"
            yield Problem(f"{rule} always is an error", pointer, SETTINGS, remedy, "lint")
