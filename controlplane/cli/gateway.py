"""`waybill gateway`: enrol, list and run gateways."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer

from controlplane.cli.client import segment
from controlplane.cli.connection import TokenOption, UrlOption, connect
from controlplane.cli.output import Format, FormatOption, moment, remark, say, say_json, say_table

app = typer.Typer(
    name="gateway",
    help="Gateways that run the published snapshot.",
    no_args_is_help=True,
    epilog="Example: waybill gateway list",
)


GatewayArgument = Annotated[str, typer.Argument(help="Id of the gateway, or its name when only one has it.")]


@app.command("token")
def enrolment_token(
    name: Annotated[str, typer.Argument(help="Name of the gateway to be.")],
    group: Annotated[
        str, typer.Option(help="Group that the gateway joins; those of one group share their state.")
    ] = "default",
    url: UrlOption = None,
    token: TokenOption = None,
    output: FormatOption = Format.text,
) -> None:
    """Make a one-time token with which one gateway enrols within 15 minutes.

    The gateway has this name unless it is run with another --name.

    Example: waybill gateway token north > token
    """
    with connect(url, token) as client:
        issued = client.post("/enrolments", {"name": name, "group": group})
    if output is Format.json:
        say_json(issued)
    else:
        say(issued["token"])


@app.command("list")
def list_all(url: UrlOption = None, token: TokenOption = None, output: FormatOption = Format.text) -> None:
    """List gateways: what each runs, what it refused or cannot ship and why, when it was last heard of.

    Example: waybill gateway list
    """
    with connect(url, token) as client:
        items = client.get("/gateways")["items"]
    if output is Format.json:
        say_json(items)
        return
    say_table(["gateway", "name", "state", "runs", "last seen", "entries", "detail"], (_row(item) for item in items))


@app.command("revoke")
def revoke(
    gateway: GatewayArgument, url: UrlOption = None, token: TokenOption = None, output: FormatOption = Format.text
) -> None:
    """End a gateway for good: its credential is refused, its streams are closed, figures no longer wait for it.

    What it has not shipped yet is not taken any more: stop a gateway properly before revoking it, if you can.

    Example: waybill gateway revoke north-4k2v9x
    """
    with connect(url, token) as client:
        ended = client.post(f"/gateways/{segment(gateway)}/revoke", None)
    if output is Format.json:
        say_json(ended)
        return
    say(f"gateway {ended['gateway']} revoked")
    if ended["commands_dropped"]:
        remark(f"{ended['commands_dropped']} commands that it had not carried out were dropped")


@app.command("rotate")
def rotate(
    gateway: GatewayArgument, url: UrlOption = None, token: TokenOption = None, output: FormatOption = Format.text
) -> None:
    """Have a gateway fetch a new credential; the old one ends when it says that it has it. No call waits for it.

    Example: waybill gateway rotate north-4k2v9x
    """
    with connect(url, token) as client:
        asked = client.post(f"/gateways/{segment(gateway)}/rotate", None)
    if output is Format.json:
        say_json(asked)
    else:
        say(f"gateway {asked['gateway']} is asked to take a new credential")


@app.command(
    "run", context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
)
def run(context: typer.Context) -> None:
    """Run a gateway in this process; all options go to `python -m gateway run`.

    Example: waybill gateway run --state-dir state --control-plane http://127.0.0.1:8400 --enrolment-token-file token
    """
    os.execv(sys.executable, [sys.executable, "-m", "gateway", "run", *context.args])  # noqa: S606 - replaces this process


def _row(item: dict[str, Any]) -> list[Any]:
    state = f"{item['state']} (stale)" if item["is_stale"] else item["state"]
    if item["state"] == "nack":
        state = f"{state} of {item['generation']}"
    entries = sum(item["streams"].values())
    running = item["running_generation"]
    detail = "; ".join([*([item["detail"]] if item["detail"] else []), *map(_halt, item["halted"].items())])
    return [item["gateway"], item["name"], state, running, moment(item["last_seen_us"]), entries, detail]


def _halt(halted: tuple[str, str]) -> str:
    return f"shipping of {halted[0]} has stopped: {halted[1]}"
