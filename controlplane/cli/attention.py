"""`waybill attention`: what needs a person's decision."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from controlplane.cli.client import segment
from controlplane.cli.connection import TokenOption, UrlOption, connect
from controlplane.cli.output import Format, FormatOption, moment, say, say_json, say_table

app = typer.Typer(
    name="attention",
    help="Calls whose outcome a person must decide.",
    no_args_is_help=True,
    epilog="Example: waybill attention list --state open",
)


class State(StrEnum):
    open = "open"
    settled = "settled"
    all = "all"


class Resolution(StrEnum):
    executed = "executed"
    not_executed = "not_executed"
    acknowledged = "acknowledged"


@app.command("list")
def list_all(
    state: Annotated[State, typer.Option(help="Which ones.")] = State.open,
    url: UrlOption = None,
    token: TokenOption = None,
    output: FormatOption = Format.text,
) -> None:
    """List what needs a person, the longest open first.

    Example: waybill attention list
    """
    with connect(url, token) as client:
        items = client.get("/attention", state=state.value)["items"]
    if output is Format.json:
        say_json(items)
        return
    if not items:
        say("nothing needs a person" if state is State.open else "none")
        return
    say_table(["id", "kind", "state", "opened", "call", "object", "entity", "reason"], (_row(item) for item in items))


@app.command("settle")
def settle(
    attention_id: Annotated[str, typer.Argument(help="Id from `waybill attention list`.")],
    resolution: Annotated[
        Resolution,
        typer.Option("--as", help="executed or not_executed for a call in doubt; acknowledged for a withheld answer."),
    ],
    note: Annotated[str, typer.Option(help="Why, for the audit.")] = "",
    url: UrlOption = None,
    token: TokenOption = None,
    output: FormatOption = Format.text,
) -> None:
    """Send a decision to the gateway, which settles the call and lets the client's retries through.

    Look into the system first: `executed` means that the work was done there.

    Example: waybill attention settle 5e1f… --as executed --note "order 4711 is in the ERP"
    """
    with connect(url, token) as client:
        sent = client.post(f"/attention/{segment(attention_id)}/settle", {"resolution": resolution.value, "note": note})
    if output is Format.json:
        say_json(sent)
    else:
        say(f"sent as command {sent['command_id']}; it is settled once the gateway's stream says so")


def _row(item: dict[str, Any]) -> list[Any]:
    known = item.get("object") or {}
    business_key = f"{known['type']}/{known['assigner']}/{known['value']}" if known else ""
    command = item.get("command") or {}
    state = f"{item['state']} ({command['result']})" if command and item["state"] == "open" else item["state"]
    call = f"{item.get('contract', '')} {item.get('operation', '')}".strip()
    return [
        item["attention_id"],
        item["kind"],
        state,
        moment(item["opened_us"]),
        call,
        business_key,
        item.get("legal_entity", ""),
        item.get("reason", ""),
    ]
