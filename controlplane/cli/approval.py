"""`waybill approval`: changes that wait for somebody's approval."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from catalog.errors import Invalid
from controlplane.cli.client import segment
from controlplane.cli.connection import TokenOption, UrlOption, connect
from controlplane.cli.output import Format, FormatOption, moment, say, say_json, say_table
from controlplane.cli.workspace import asked_for, say_items, say_releases

app = typer.Typer(
    name="approval",
    help="Changes that wait for approval before they are published.",
    no_args_is_help=True,
    epilog="Example: waybill approval list",
)

ProposalArgument = Annotated[str, typer.Argument(help="Id from `waybill approval list`.")]


class State(StrEnum):
    open = "open"
    published = "published"
    rejected = "rejected"
    stale = "stale"
    all = "all"


@app.command("list")
def list_all(
    state: Annotated[State, typer.Option(help="Which ones.")] = State.open,
    url: UrlOption = None,
    token: TokenOption = None,
    output: FormatOption = Format.text,
) -> None:
    """List proposals, the oldest first: who asked, what each still needs, whether it is overdue.

    Example: waybill approval list --state all
    """
    with connect(url, token) as client:
        items = client.get("/approvals", state=state.value)["items"]
    if output is Format.json:
        say_json(items)
    elif not items:
        say("nothing waits for approval" if state is State.open else "none")
    else:
        columns = ["id", "state", "requested by", "since", "touches", "waits for", "overdue", "for you"]
        say_table(columns, (_row(item) for item in items))


@app.command("show")
def show(
    proposal: ProposalArgument,
    files: Annotated[Path | None, typer.Option(help="Write the proposed workspace into this new directory.")] = None,
    url: UrlOption = None,
    token: TokenOption = None,
    output: FormatOption = Format.text,
) -> None:
    """Show what a proposal would change, what it needs, and the answers so far.

    Example: waybill approval show 3f9c20a1b7de --files proposed
    """
    with connect(url, token) as client:
        told = client.get(f"/approvals/{segment(proposal)}")
        if files is not None:
            _write(files, client.get(f"/approvals/{segment(proposal)}/files")["files"])
    if output is Format.json:
        say_json(told)
    else:
        _say(told)


@app.command("approve")
def approve(
    proposal: ProposalArgument,
    comment: Annotated[str, typer.Option(help="Why, for the audit.")] = "",
    url: UrlOption = None,
    token: TokenOption = None,
    output: FormatOption = Format.text,
) -> None:
    """Approve all of a proposal that you may answer for; the last approval publishes exactly what was planned.

    Example: waybill approval approve 3f9c20a1b7de --comment "agreed with purchasing"
    """
    _decide(proposal, "approve", comment, url, token, output)


@app.command("reject")
def reject(
    proposal: ProposalArgument,
    comment: Annotated[str, typer.Option(help="Why, for the audit and for who asked.")],
    url: UrlOption = None,
    token: TokenOption = None,
    output: FormatOption = Format.text,
) -> None:
    """Reject a proposal, or withdraw your own.

    Example: waybill approval reject 3f9c20a1b7de --comment "the field is still used by the clinics"
    """
    _decide(proposal, "reject", comment, url, token, output)


def _decide(proposal: str, decision: str, comment: str, url: str | None, token: str | None, output: Format) -> None:
    with connect(url, token) as client:
        told = client.post(f"/approvals/{segment(proposal)}/{decision}", {"comment": comment})
    if output is Format.json:
        say_json(told)
    elif told["state"] == "published":
        say(f"published generation {told['published_generation']}")
    elif told["state"] == "rejected":
        say("rejected")
    else:
        say(f"approved; still waits for {_waits_for(told)}")


def _row(item: dict[str, Any]) -> list[Any]:
    return [
        item["proposal_id"],
        item["state"],
        item["requested_by"],
        moment(item["created_us"]),
        ", ".join(f"{need['kind']} {need['name']}" for need in item["needs"]),
        _waits_for(item) if item["state"] == "open" else "",
        "overdue" if item["is_overdue"] else "",
        "yes" if item["waits_for_me"] else "",
    ]


def _waits_for(item: dict[str, Any]) -> str:
    return "; ".join(asked_for(need) for need in item["needs"] if need["approved_by"] is None)


def _say(told: dict[str, Any]) -> None:
    overdue = ", overdue" if told["is_overdue"] else ""
    asked = f"{told['requested_by']} at {moment(told['created_us'])}"
    say(f"proposal {told['proposal_id']} of {asked}: {told['state']}{overdue}")
    if told["published_generation"] is not None:
        say(f"published as generation {told['published_generation']}")
    say_items(told["plan"])
    say_releases(told["plan"])
    for need in told["needs"]:
        done = f"approved by {need['approved_by']}" if need["approved_by"] else f"waits for {asked_for(need)}"
        because = f" ({need['because']})" if need["because"] else ""
        say(f"needs {need['kind']} {need['name']}{because}: {done}")
    for answer in told["answers"]:
        comment = f": {answer['comment']}" if answer["comment"] else ""
        say(f"{moment(answer['at_us'])}  {answer['decision']} by {answer['who']} ({answer['role']}){comment}")


def _write(directory: Path, files: dict[str, str]) -> None:
    if directory.exists():
        raise Invalid(f"{directory} exists already: name a new directory")
    root = directory.resolve()
    for name, text in files.items():
        path = (root / name).resolve()
        if not path.is_relative_to(root):
            raise Invalid(f"the proposal holds a file outside of the workspace: {name}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
