"""`waybill gateway`: enrol, list and run gateways."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer

from controlplane.cli.connection import TokenOption, UrlOption, connect
from controlplane.cli.output import Format, FormatOption, moment, say, say_json, say_table

app = typer.Typer(
    name="gateway",
    help="Gateways that run the published snapshot.",
    no_args_is_help=True,
    epilog="Example: waybill gateway list",
)


@app.command("token")
def enrolment_token(
    name: Annotated[str, typer.Argument(help="Name of the gateway to be.")],
    url: UrlOption = None,
    token: TokenOption = None,
    output: FormatOption = Format.text,
) -> None:
    """Make a one-time token with which one gateway enrols within 15 minutes.

    The gateway has this name unless it is run with another --name.

    Example: waybill gateway token north > token && waybill gateway run --enrolment-token-file token …
    """
    with connect(url, token) as client:
        issued = client.post("/enrolments", {"name": name})
    if output is Format.json:
        say_json(issued)
    else:
        say(issued["token"])


@app.command("list")
def list_all(url: UrlOption = None, token: TokenOption = None, output: FormatOption = Format.text) -> None:
    """List gateways: what each runs, what it refused and why, when it was last heard of.

    Example: waybill gateway list
    """
    with connect(url, token) as client:
        items = client.get("/gateways")["items"]
    if output is Format.json:
        say_json(items)
        return
    say_table(["gateway", "name", "state", "runs", "last seen", "entries", "detail"], (_row(item) for item in items))


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
    return [item["gateway"], item["name"], state, running, moment(item["last_seen_us"]), entries, item["detail"]]
