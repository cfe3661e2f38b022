"""`waybill contract can-i-publish`: whether a version could be published, with every reason."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from catalog.errors import Invalid, NotFound
from controlplane.cli.client import segment
from controlplane.cli.connection import TokenOption, UrlOption, connect
from controlplane.cli.output import Report, ReportOption, moment, say, say_json, say_report
from controlplane.cli.progress import progress
from controlplane.cli.report import Item, ordered
from controlplane.cli.workspace import PATIENCE_S, read_workspace


def can_i_publish(
    contract: Annotated[str, typer.Argument(help="NAME@VERSION, as a rule a draft of the workspace.")],
    workspace: Annotated[Path, typer.Option(help="The directory that holds waybill.yaml.")] = Path(),
    days: Annotated[int, typer.Option(min=1, max=400, help="Days of traffic that are looked at.")] = 30,
    url: UrlOption = None,
    token: TokenOption = None,
    output: ReportOption = Report.text,
) -> None:
    """Say whether a version could be published, with every reason; nothing is changed.

    Its number against its changes, what lint holds for an error, its life cycle, consumers whose calls or fields a
    breaking change touches, the last recorded run against a system, waivers, approvals that would be waited for.
    Exit status 0 yes, 1 no, 2 when an input is wrong.

    Example: waybill contract can-i-publish procurement.suppliers@1.1.0 --workspace network
    """
    name, at, version = contract.partition("@")
    if not (name and at and version):
        raise Invalid(f"{contract!r} is not NAME@VERSION, such as procurement.suppliers@1.1.0")
    files = read_workspace(workspace)
    path = f"/contracts/{segment(name)}/{segment(version)}/readiness?days={days}"
    with connect(url, token, workspace) as client, progress("asking everything that speaks for and against it"):
        try:
            told = client.post(path, {"files": files}, PATIENCE_S)
        except NotFound as error:
            raise Invalid(error.detail, error.problems) from error
    if output is Report.json:
        say_json(told)
    elif output is Report.text:
        _say(told)
    else:
        say_report(output, ordered(_items(workspace, told)), "waybill contract can-i-publish", before=_answer(told))
    if not told["can_publish"]:
        raise typer.Exit(1)


def _items(directory: Path, told: dict[str, Any]) -> list[Item]:
    return [
        Item(
            each["rule"],
            "error" if each["is_blocking"] else "warning",
            each["message"],
            (directory / each["file"]).as_posix() if each["file"] else "",
            each["pointer"],
            each["remedy"],
        )
        for each in told["grounds"]
    ]


def _say(told: dict[str, Any]) -> None:
    for each in told["grounds"]:
        sign = "✗" if each["is_blocking"] else "·"
        say(f"{sign} {each['message']} [{each['rule']}]")
        if each["file"]:
            say(f"    at {each['file']}#{each['pointer']}" if each["pointer"] else f"    at {each['file']}")
        if each["remedy"]:
            say(f"    → {each['remedy']}")
    release, run = told["release"], told["last_run"]
    if release:
        say(f"a {release['declared']} release after {release['previous']}; its changes need {release['needed']}")
    if run:
        verdict = "conformed" if run["conforms"] else "did not conform"
        say(f"last recorded run: {moment(run['at_us'])}, by {run['who']}, {run['target']} {verdict}")
    hit = len({each["consumer"] for each in told["touched"]})
    say(f"consumers of the last {told['days']} days: {hit} touched by what breaks, {told['not_touched']} not")
    say(_answer(told))


def _answer(told: dict[str, Any]) -> str:
    count = sum(each["is_blocking"] for each in told["grounds"])
    reasons = "1 reason" if count == 1 else f"{count} reasons"
    return f"{told['contract']}: yes" if told["can_publish"] else f"{told['contract']}: no, for {reasons}"
