"""The program: every command group, and the one handler that turns errors into a message and an exit status.

Exit status: 0 done, 1 refused or failed, 2 the command line or an input is wrong, 130 interrupted.
"""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, NoReturn

import typer

from catalog.errors import Invalid, WaybillError
from controlplane.cli import (
    approval,
    attention,
    audit,
    consumer,
    demo,
    gateway,
    initialise,
    server,
    token,
    up,
    workspace,
)
from controlplane.cli.output import say

app = typer.Typer(
    name="waybill",
    help="Governance and observability for the APIs between procurement and finance systems.",
    epilog="Start with: waybill init shop && waybill up --workspace shop",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command("init")(initialise.init)
app.command("up")(up.up)
app.command("lint")(workspace.lint)
app.command("plan")(workspace.plan)
app.command("apply")(workspace.apply)
app.command("serve")(server.serve)
app.add_typer(demo.app)
app.add_typer(gateway.app)
app.add_typer(consumer.app)
app.add_typer(approval.app)
app.add_typer(attention.app)
app.add_typer(audit.app)
app.add_typer(token.app)


def _version_asked(is_asked: bool) -> None:
    if is_asked:
        show_version()
        raise typer.Exit


@app.callback()
def program(
    _: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_version_asked)
    ] = False,
) -> None:
    """Governance and observability for the APIs between procurement and finance systems."""


@app.command("version")
def show_version() -> None:
    """Print the version of this program.

    Example: waybill version
    """
    try:
        say(version("waybill-controlplane"))
    except PackageNotFoundError:
        say("unknown (not installed as a package)")


def run() -> NoReturn:
    """Run the command line and exit."""
    try:
        app()
    except WaybillError as error:
        print(f"waybill: {error}", file=sys.stderr)
        sys.exit(2 if isinstance(error, Invalid) else 1)
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:
        print(f"waybill: {error.strerror or error}: {error.filename or ''}".rstrip(": "), file=sys.stderr)
        sys.exit(1)
    sys.exit(0)
