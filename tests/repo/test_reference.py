"""References are what the program prints: nothing in them can drift."""

from __future__ import annotations

import re
from pathlib import Path

from catalog.lint import RULES
from controlplane.cli.editor import reference_text
from gateway.settings import table

REPOSITORY = Path(__file__).parents[2]


def test_the_reference_of_workspace_files_is_the_one_the_program_prints():
    """Renew it: waybill reference > catalog/REFERENCE.md"""
    assert (REPOSITORY / "catalog" / "REFERENCE.md").read_text() == reference_text()


def test_the_gateways_settings_are_the_ones_the_program_prints():
    """Renew the table: python -m gateway settings"""
    text = (REPOSITORY / "gateway" / "SETTINGS.md").read_text()
    assert text.endswith(f"\n\n{table()}")


def test_every_lint_rule_is_in_the_reference():
    """With its severity, or that its breach is refused, why and how to mend it."""
    rows = {line.split("`")[1]: line for line in reference_text().splitlines() if line.startswith("| `")}
    for rule in RULES:
        severity = "refused" if rule.told_by == "loading" else rule.severity
        assert f"| {severity} | {rule.rationale} |" in rows[rule.id]


def test_every_field_and_setting_has_a_meaning():
    """A row without one would tell nobody anything."""
    texts = [reference_text(), table()]
    rows = [line for text in texts for line in text.splitlines() if line.startswith("| `")]
    assert len(rows) > 150
    assert [row for row in rows if re.search(r"\|\s*\|$", row)] == []
    assert "a part of the above" not in texts[0]
