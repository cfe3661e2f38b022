"""The rules as tables in Markdown, and how a workspace sets them."""

from __future__ import annotations

from collections.abc import Iterator

from catalog.lint import FAMILIES, Rule

_HEADER = ("| rule | severity | why | what to do |", "|---|---|---|---|")
_INTRODUCTION = """\
What `waybill lint` looks for. `lint: {rules: {ID: off | hint | warning | error}}` in waybill.yaml sets a rule's
severity for the workspace; *refused* marks rules whose breach `plan` and `apply` refuse, which nothing can soften. A
document lets a finding stay, there and below, by a member of the object that it is about or of one around it:

    x-waybill-lint: {ignore: [{rule: lists-are-paged, reason: "ten departments at most"}]}

Files that have no place for it are named in waybill.yaml: `lint: {ignore: [{rule: ID, file: PATH, reason: TEXT}]}`."""


def rule_reference() -> str:
    """Markdown: a table a family, a row a rule."""
    parts = [_INTRODUCTION]
    for family, rules in FAMILIES.items():
        parts.append("\n".join([f"## Lint: {family}", "", *_HEADER, *_rows(rules)]))
    return "\n\n".join(parts)


def _rows(rules: tuple[Rule, ...]) -> Iterator[str]:
    for rule in rules:
        severity = "refused" if rule.told_by == "loading" else rule.severity
        cells = (f"`{rule.id}`", severity, rule.rationale, rule.remedy)
        yield "| " + " | ".join(cell.replace("|", "\\|").replace("<", "&lt;") for cell in cells) + " |"
