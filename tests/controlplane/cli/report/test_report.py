"""Reports hold every finding in the shape that each reader asks for, whatever the findings say."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import jsonschema
import pytest

from controlplane.cli.report import Item, RuleText, Suppression, junit, markdown, ordered, sarif
from controlplane.release import program_version
from tests.controlplane.cli.report.sarif_schema import SARIF

ERROR = Item("money-is-exact", "error", "is a number", "a b/ü.yaml", "/x~1y/0", "write text", line=7)
HINT = Item("described", "hint", "says nothing", "a.yaml")
KEPT = Item("paged", "warning", "no pages", "a.yaml", "/paths", suppression=Suppression("ten at most"))
WAIVED = Item("removed", "error", "is gone", "b.yaml", suppression=Suppression("nobody calls it", "external"))
BARE = Item("whole", "warning", "nothing is bound")
NASTY = Item("odd", "error", "a|b\n<img src=x> [l](u) @me \x00\x1b ]]>", 'f"&<.yaml', "/a|b`c", "*do* _it_")
ALL = [ERROR, HINT, KEPT, WAIVED, BARE, NASTY]
RULES = [RuleText("money-is-exact", "Money is exact.", "Floats lose cents.", "write text"), RuleText("described", "x")]


@pytest.mark.parametrize("items", [[], [ERROR], ALL])
def test_sarif_is_of_the_shape_that_its_schema_asks_for(items):
    """The constraints of the published schema on what we write, kept in `sarif_schema`."""
    jsonschema.Draft7Validator(SARIF).validate(json.loads(json.dumps(sarif(items, RULES, "waybill lint"))))


def test_sarif_tells_rules_places_and_suppressions():
    """A result leads to its rule; a region stands only where the line is known; reasons travel along."""
    run = sarif(ALL, RULES, "waybill lint")["runs"][0]
    driver = run["tool"]["driver"]
    assert (driver["name"], driver["version"]) == ("waybill lint", program_version())
    assert [item.rule for item in ALL] == [driver["rules"][found["ruleIndex"]]["id"] for found in run["results"]]
    assert driver["rules"][0]["fullDescription"] == {"text": "Floats lose cents."}
    error, hint, kept, waived, bare, _ = run["results"]
    assert error["level"] == "error" and hint["level"] == "note" and kept["level"] == "warning"
    assert error["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "a%20b/%C3%BC.yaml"},
                "region": {"startLine": 7},
            },
            "logicalLocations": [{"fullyQualifiedName": "/x~1y/0"}],
        }
    ]
    assert hint["locations"] == [{"physicalLocation": {"artifactLocation": {"uri": "a.yaml"}}}]
    assert kept["suppressions"] == [{"kind": "inSource", "justification": "ten at most"}]
    assert waived["suppressions"] == [{"kind": "external", "justification": "nobody calls it"}]
    assert "locations" not in bare and "suppressions" not in bare


def test_junit_fails_for_errors_only():
    """Errors are failures, the suppressed are skipped with their reason, advice passes and is told."""
    suite = ElementTree.fromstring(junit(ALL, "waybill lint")).find("testsuite")
    assert suite is not None
    counts = {name: suite.get(name) for name in ("name", "tests", "failures", "errors", "skipped")}
    assert counts == {"name": "waybill lint", "tests": "6", "failures": "2", "errors": "0", "skipped": "2"}
    cases = suite.findall("testcase")
    assert [bool(case.findall("failure")) for case in cases] == [True, False, False, False, False, True]
    assert [case.find("skipped").get("message") for case in cases[2:4]] == ["ten at most", "nobody calls it"]
    failure = cases[0].find("failure")
    assert (failure.get("type"), failure.get("message")) == ("money-is-exact", "is a number")
    assert "a b/ü.yaml#/x~1y/0" in failure.text and "→ write text" in failure.text
    assert (cases[0].get("file"), cases[0].get("line")) == ("a b/ü.yaml", "7")
    assert "says nothing" in cases[1].find("system-out").text


def test_junit_of_nothing_is_a_test_that_passed():
    """Build servers take an empty suite for a check that never ran."""
    suite = ElementTree.fromstring(junit([], "waybill lint")).find("testsuite")
    assert suite.get("tests") == "1" == str(len(suite.findall("testcase"))) and suite.get("failures") == "0"


def test_markdown_is_one_table_whatever_is_said():
    """Every row has its five cells; what documents say makes no markup."""
    text = markdown(ALL, "Lint")
    rows = [line for line in text.splitlines() if line.startswith("| ")][1:]
    assert len(rows) == len(ALL) and text.startswith("## Lint\n")
    assert {row.replace("\\|", "").count("|") for row in rows} == {6}
    assert "3 errors" not in text and "2 errors, 1 warning, 1 hint, 2 suppressed." in text
    assert "<img" not in text and "[l](u)" not in text and " @me" not in text
    assert "suppressed: ten at most" in text and "line 7" in rows[0]
    assert markdown([], "Lint", "All kept.") == "## Lint\n\nAll kept.\n"


def test_the_worst_comes_first():
    """Errors, warnings, hints, each by place; what counts for nothing at the end."""
    told = ordered(reversed(ALL))
    assert [(item.level, item.rule) for item in told[:4]] == [
        ("error", "money-is-exact"),
        ("error", "odd"),
        ("warning", "whole"),
        ("hint", "described"),
    ]
    assert {item.rule for item in told[4:]} == {"paged", "removed"}
