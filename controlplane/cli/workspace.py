"""`waybill plan` and `apply`: a workspace compared with what is in force, and published."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from catalog.errors import Conflict, Invalid, Problem, WaybillError
from catalog.inventory import LIBRARY_PREFIX
from catalog.note import grouped
from controlplane.cli.connection import TokenOption, UrlOption, connect
from controlplane.cli.output import (
    Format,
    FormatOption,
    Report,
    ReportOption,
    say,
    say_groups,
    say_json,
    say_problems,
    say_report,
    say_table,
)
from controlplane.cli.progress import progress
from controlplane.cli.report import Item, Level, Suppression, cell

DirectoryArgument = Annotated[Path, typer.Argument(help="The workspace: the directory that holds waybill.yaml.")]
HERE = Path()
PATIENCE_S = 600.0  # every schema is compiled: half a minute for 500 contracts on a busy machine
#: rules of notes -> heading under which they are told
NOTED = {
    "not-enforced": "declared, and not enforced by the gateway",
    "operation-named": "named by Waybill (an operationId of your own is better)",
}

_MOST_NOTES = 40  # that are told one by one
MOST_BREAKS = 10  # of a release that are shown
_SIGNS = (("+", "added"), ("~", "changed"), ("-", "removed"))


def plan(
    directory: DirectoryArgument = HERE,
    url: UrlOption = None,
    token: TokenOption = None,
    output: ReportOption = Report.text,
) -> None:
    """Show what `apply` would add, change, remove or refuse, and whose approval it would need.

    Exit status 1 when it would refuse.

    Example: waybill plan network
    """
    files = read_workspace(directory)
    with connect(url, token, directory) as client, progress(f"comparing {len(files)} files with what is in force"):
        made = client.post("/workspace/plan", {"files": files}, PATIENCE_S)
    if output is Report.json:
        say_json(made)
    elif output is Report.text:
        _say_plan(made)
    else:
        say_report(output, plan_items(directory, made), "waybill plan", before=plan_table(made))
    if made["refused"]:
        raise typer.Exit(1)


def apply(
    directory: DirectoryArgument = HERE,
    url: UrlOption = None,
    token: TokenOption = None,
    output: FormatOption = Format.text,
) -> None:
    """Publish a workspace as the next generation, all or nothing; running gateways take it over within seconds.

    What the governance.yaml in force asks approval for is filed as a proposal instead (`waybill approval list`).

    Example: waybill apply network
    """
    files = read_workspace(directory)
    try:
        with connect(url, token, directory) as client, progress(f"publishing {len(files)} files"):
            done = client.post("/workspace/apply", {"files": files}, PATIENCE_S)
    except Conflict as error:
        _say_refusal(error, output)
        raise typer.Exit(1) from error
    if output is Format.json:
        say_json(done)
    else:
        say_applied(done)


def read_workspace(directory: Path) -> dict[str, str]:
    """The files of a workspace as they are sent. Raises: Invalid, with every problem of every file when one of them
    is no text."""
    from catalog.document import Unreadable
    from catalog.workspace import read_directory
    from controlplane.registry.candidate import load_workspace

    files = read_directory(directory)
    texts: dict[str, str] = {}
    problems: list[Problem] = []
    for path, content in files.items():
        try:
            texts[path] = content.decode()
        except UnicodeDecodeError:
            problems.append(Problem("not UTF-8 text", file=path, remedy="save it in UTF-8", rule="syntax"))
        if isinstance(content, Unreadable):
            remedy = "let the user of this command read it"
            problems.append(Problem(f"cannot be read: {content.why}", file=path, remedy=remedy, rule="syntax"))
    if problems:
        try:
            load_workspace(files)
        except Invalid as error:
            told = {problem.file for problem in error.problems}
            problems = [*error.problems, *(each for each in problems if each.file not in told)]
        raise Invalid(f"{directory} cannot be read", problems)
    return texts


def own_notes(notes: tuple[Problem, ...]) -> tuple[Problem, ...]:
    """Without those of the built-in library, about which the reader can do nothing."""
    return tuple(note for note in notes if not note.file.startswith(LIBRARY_PREFIX))


def say_notes(notes: tuple[Problem, ...]) -> None:
    """What a document declares and the gateway does not enforce, and what it leaves to be named."""
    for rule, title in NOTED.items():
        found = [note for note in notes if note.rule == rule]
        if len(found) > _MOST_NOTES:
            say(f"{title}: {len(found)}, by what they say and where first (all of them: --format json)")
            say_groups(grouped(found))
        elif found:
            say(f"{title}:")
            say_problems(found)


def say_applied(done: dict[str, Any]) -> None:
    if done.get("proposal"):
        say_items(done["plan"])
        say(f"not published yet: filed as proposal {done['proposal']}, which needs approval")
        say(f"  waybill approval show {done['proposal']}")
        return
    if not done["is_published"]:
        say(f"nothing to change: generation {done['generation']} is this workspace already")
        return
    say_items(done["plan"])
    say(f"published generation {done['generation']}")


def _say_plan(made: dict[str, Any]) -> None:
    say_items(made)
    say_releases(made)
    if made["refused"]:
        say(f"refused for {counted(made['refused'])}:")
        say_problems(msgspec.convert(made["refused"], tuple[Problem, ...]))
    elif not (made["added"] or made["changed"] or made["removed"]) and made["generation"]:
        say(f"nothing to change: generation {made['generation']} is this workspace already")
    elif made["needs"]:
        say("`waybill apply` would file a proposal, which is published once it is approved:")
        for need in made["needs"]:
            say(f"  {need_text(need)}")
    else:
        say(f"`waybill apply` would publish generation {made['generation'] + 1}")


def plan_items(directory: Path, made: dict[str, Any]) -> list[Item]:
    """What a plan would be refused for, as errors; what would wait for an approval, as hints."""
    refused = msgspec.convert(made["refused"], tuple[Problem, ...])
    found = [item_of(directory, problem, "error") for problem in refused]
    needs = [] if refused else made["needs"]
    remedy = "`waybill apply` files a proposal"
    return [*found, *(Item("approval-needed", "hint", need_text(need), remedy=remedy) for need in needs)]


def item_of(directory: Path, problem: Problem, level: Level, suppression: Suppression | None = None) -> Item:
    """A problem for a report; its file is named from where the command runs, as the readers of reports expect."""
    file = (directory / problem.file).as_posix() if problem.file else ""
    rule = problem.rule or "workspace"
    return Item(rule, level, problem.message, file, problem.pointer, problem.remedy, None, suppression)


def plan_table(made: dict[str, Any]) -> str:
    """Markdown: what would be added, changed and removed, a row each; "" when it is nothing."""
    rows = [
        f"| {sign} | {entry['kind']} | {cell(entry['name'])} | {cell(entry['detail'])} | `{entry['sha256'][:12]}` |"
        for sign, group in _SIGNS
        for entry in made[group]
    ]
    rows += [f"| · | draft | {cell(draft)} | runs in shadow only | |" for draft in made["drafts"]]
    return "\n".join(["| | kind | name | detail | sha256 |", "|---|---|---|---|---|", *rows]) if rows else ""


def asked_for(need: dict[str, Any]) -> str:
    """Who may answer, by name where one is known; how many of them are still missing where one is not enough."""
    who = " or ".join(f"{who} {need[who]}" if who in ("steward", "owner") else who for who in need["asked"])
    missing = need["count"] - len(need["approvals"])
    return who if need["count"] == 1 else f"{missing} of {who}"


def need_text(need: dict[str, Any]) -> str:
    """What waits for whom, and why."""
    because = f" ({need['because']})" if need["because"] else ""
    return f"{need['kind']} {need['name']}{because} needs the approval of {asked_for(need)}"


def say_items(made: dict[str, Any]) -> None:
    for draft in made["drafts"]:
        say(f"· draft     {draft}  (runs in shadow only)")
    for sign, group in _SIGNS:
        for entry in made[group]:
            detail = f"  ({entry['detail']})" if entry["detail"] else ""
            say(f"{sign} {entry['kind']:<9} {entry['name']}  {entry['sha256'][:12]}{detail}")


def say_releases(made: dict[str, Any]) -> None:
    """New versions of what is published: the bump they declare and the one they need, and whom they reach."""
    for release in made["releases"]:
        count = "1 change" if release["changes"] == 1 else f"{release['changes']} changes"
        held = "a draft" if release["is_draft"] else f"a {release['declared']} release"
        say(f"  {release['name']} is {held} after {release['previous']}; {count}, which need {release['needed']}")
        _say_breaks(release["reasons"])
    if made["reached"]:
        say("contracts that use a changed schema keep their pins; to take it over is a release of its own:")
        columns = ("schema", "contract", "owner", "pinned to", "places", "verdict", "at least")
        say_table(columns, [_reached_row(each) for each in made["reached"]])


def _say_breaks(reasons: list[dict[str, Any]]) -> None:
    """What breaks, and what a waiver lets through: approvers answer for both."""
    breaks = [each for each in reasons if each["severity"] == "major"]
    for each in breaks[:MOST_BREAKS]:
        waived = each.get("waived_by", "")
        where = " ".join(filter(None, (each["operation"], each["location"])))
        say(f"    {'waived' if waived else 'breaks'}: {where}: {each['message']} [{each['rule']}]")
        if waived:
            say(f"      because: {waived}")
    if len(breaks) > MOST_BREAKS:
        say(f"    and {len(breaks) - MOST_BREAKS} more, see --format json")


def _reached_row(each: dict[str, Any]) -> tuple[Any, ...]:
    least = each["as_version"] if each["bump"] != "none" else "as it is"
    pinned = ", ".join(each["pinned"])
    return each["schema"], each["contract"], each["owner"], pinned, each["uses"], each["verdict"], least


def _say_refusal(error: WaybillError, output: Format) -> None:
    if output is Format.json:
        say_json({"refused": msgspec.to_builtins(error.problems), "detail": error.detail})
        return
    say(f"refused: {error.detail}")
    say_problems(error.problems)


def counted(problems: Sequence[object]) -> str:
    return "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
