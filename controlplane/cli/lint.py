"""`waybill lint`: a workspace checked without a control plane."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import get_args

import msgspec
import typer

from catalog.errors import Invalid, Problem
from catalog.inventory import Severity
from catalog.lint.finding import Finding, Suppressed
from controlplane.cli.output import Report, ReportOption, say, say_json, say_problems, say_report
from controlplane.cli.report import Item, RuleText, Suppression, ordered
from controlplane.cli.workspace import HERE, NOTED, DirectoryArgument, counted, item_of, own_notes, say_notes

_MOST_HINTS = 10  # of one rule that are told one by one
_SHOWN = 3  # of more than those


class LintReport(msgspec.Struct, frozen=True):
    """`problems` are refused by plan and apply; `findings` are allowed; `notes` are declared and not enforced;
    `suppressed` were found, and may stay for the reason that is given."""

    problems: tuple[Problem, ...] = ()
    findings: tuple[Finding, ...] = ()
    notes: tuple[Problem, ...] = ()
    suppressed: tuple[Suppressed, ...] = ()


def lint(directory: DirectoryArgument = HERE, output: ReportOption = Report.text) -> None:
    """Check a workspace without a control plane: what would be refused, and what is worth mending.

    Rules, their reasons and how to mend them are listed in the reference (`waybill reference`). waybill.yaml sets
    their severities (lint: {rules: {ID: off}}); a document lets a finding stay with x-waybill-lint, for a reason.

    Exit status 1 on a problem or on a finding of severity error; warnings and hints alone are status 0.

    Example: waybill lint network --format sarif
    """
    report = examine(directory)
    if output is Report.json:
        say_json(msgspec.to_builtins(report))
    elif output is Report.text:
        _say(directory, report)
    else:
        say_report(output, ordered(_items(directory, report)), "waybill lint", _rules())
    if report.problems or any(finding.severity == "error" for finding in report.findings):
        raise typer.Exit(1)


def examine(directory: Path) -> LintReport:
    """Everything that is to be said of a workspace. Raises: Invalid when there is none."""
    from catalog import lint as rules
    from catalog.lint.stray import stray
    from catalog.workspace import read_directory
    from controlplane.registry.candidate import load_workspace

    files = read_directory(directory)  # what is no workspace at all is an error, not a finding
    unread = stray(directory, files)  # often the reason why something else does not exist
    try:
        loaded = load_workspace(files)
    except Invalid as error:
        return LintReport(error.problems or (Problem(error.detail),), tuple(unread))
    examined = rules.examine(loaded, beside=unread)
    return LintReport((), examined.findings, own_notes(loaded.notes), examined.suppressed)


def _items(directory: Path, report: LintReport) -> Iterator[Item]:
    for problem in report.problems:
        yield item_of(directory, problem, "error")
    for finding in report.findings:
        yield item_of(directory, finding.problem, finding.severity)
    for each in report.suppressed:
        yield item_of(directory, each.finding.problem, each.finding.severity, Suppression(each.reason))


def _rules() -> Sequence[RuleText]:
    from catalog.lint import RULES

    return [RuleText(rule.id, rule.rationale, remedy=rule.remedy, level=rule.severity) for rule in RULES]


def _say(directory: Path, report: LintReport) -> None:
    say_notes(report.notes)
    for severity in get_args(Severity):
        found = [finding for finding in report.findings if finding.severity == severity and finding.rule not in NOTED]
        if found:
            say(f"{severity}:")
            say_problems(finding.problem for finding in (_fewer(found) if severity == "hint" else found))
    if report.suppressed:
        say(f"suppressed with a reason: {len(report.suppressed)} (which and why: --format json)")
    if report.problems:
        say(f"{directory}: {counted(report.problems)}, `waybill apply` would refuse")
        say_problems(report.problems)
    else:
        say(f"{directory}: no problems")


def _fewer(hints: Iterable[Finding]) -> Iterator[Finding]:
    """Of a rule that hints at many places the first few, so that a vendor's document does not hide all else."""
    hints = list(hints)
    of_rule = Counter(hint.rule for hint in hints)
    told: Counter[str] = Counter()
    for hint in sorted(hints, key=lambda each: each.rule):
        told[hint.rule] += 1
        if of_rule[hint.rule] <= _MOST_HINTS or told[hint.rule] < _SHOWN:
            yield hint
        elif told[hint.rule] == _SHOWN:
            more = f"{hint.problem.message}; {of_rule[hint.rule] - _SHOWN} more places (all of them: --format json)"
            yield msgspec.structs.replace(hint, problem=msgspec.structs.replace(hint.problem, message=more))
