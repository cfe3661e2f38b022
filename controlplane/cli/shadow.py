"""`waybill contract shadow`: what a draft would have refused of the calls that the version in force let through."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from catalog.errors import Invalid
from controlplane.cli.client import segment
from controlplane.cli.connection import TokenOption, UrlOption, connect
from controlplane.cli.output import Format, FormatOption, say, say_json, say_table

MOST_PLACES = 5  # that are shown of one consumer's calls of one operation


def shadow(
    draft: Annotated[str, typer.Argument(help="NAME@VERSION of a draft, such as finance.invoices@2.0.0.")],
    days: Annotated[int, typer.Option(min=1, max=400, help="How far back, in UTC days.")] = 28,
    url: UrlOption = None,
    token: TokenOption = None,
    output: FormatOption = Format.text,
) -> None:
    """Tell what a draft would have done to real calls: whose it would have refused, and where they are wrong for it.

    A draft that is applied runs in shadow: gateways judge the calls of the highest version in force below it by the
    draft's schemas too, and answer as if it were not there. Exit status 1 also says that it would refuse calls, or
    that it lacks an operation that was called.

    Example: waybill contract shadow finance.invoices@2.0.0 --days 7
    """
    name, at, version = draft.partition("@")
    if not (name and at and version):
        raise Invalid(f"{draft!r} is not NAME@VERSION, such as finance.invoices@2.0.0")
    with connect(url, token) as client:
        told = client.get(f"/contracts/{segment(name)}/drafts/{segment(version)}", days=str(days))
    if output is Format.json:
        say_json(told)
    else:
        _say(told)
    if told["refused"] or told["missing"]:
        raise typer.Exit(1)


def _say(told: dict[str, Any]) -> None:
    name = f"{told['contract']}@{told['draft']}"
    failed = f"; judging {told['failed']} failed" if told["failed"] else ""
    say(f"{name} judged {told['calls']} calls of the last {told['days']} days: {_summary(told)}{failed}")
    if not told["is_in_force"]:
        say("it is in force no longer: no call is judged by it now")
    items = [item for item in told["items"] if item["refused"] or item["missing"] or item["failed"]]
    if items:
        say_table(["consumer", "operation", "calls", "refused", "lacking", "where"], [_row(item) for item in items])


def _summary(told: dict[str, Any]) -> str:
    parts = [
        f"{told['refused']} would have been refused" if told["refused"] else "",
        f"{told['missing']} ask for an operation that it lacks" if told["missing"] else "",
    ]
    return ", ".join(filter(None, parts)) or "it would have refused none"


def _row(item: dict[str, Any]) -> tuple[Any, ...]:
    places = [f"{_side(place)} {place['pointer'] or '/'} ({place['calls']})" for place in item["places"][:MOST_PLACES]]
    more = len(item["places"]) - MOST_PLACES
    where = "; ".join([*places, *([f"{more} more"] if more > 0 else [])])
    return item["consumer"], item["operation"], item["calls"], item["refused"], item["missing"], where


def _side(place: dict[str, Any]) -> str:
    return "answer" if place["code"] == "response-violation" else "request"
