"""The program: every command group, and the one handler that turns errors into a message and an exit status.

Exit status: 0 done, 1 refused or failed, 2 the command line or an input is wrong, 130 interrupted.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib import import_module
from typing import Annotated, Any, NamedTuple, NoReturn

import typer

from catalog.errors import Invalid, WaybillError
from controlplane.cli import completion, manual
from controlplane.cli.output import Format, FormatOption, say, say_json
from controlplane.release import program_version

START, DESIGN, RUN = "Start here", "Design and publish", "Run"
PEOPLE, LOOK, TOOL = "People and credentials", "Look and resolve", "This program"
PANELS = (START, DESIGN, RUN, PEOPLE, LOOK, TOOL)  # in the order of the page


class Command(NamedTuple):
    """Where a command, or a group of them, is: a function or a `typer.Typer` of a module beside this one."""

    panel: str
    module: str
    attribute: str


COMMANDS = {
    "init": Command(START, "initialise", "init"),
    "up": Command(START, "up", "up"),
    "demo": Command(START, "demo", "app"),
    "doctor": Command(START, "doctor", "doctor"),
    "lint": Command(DESIGN, "lint", "lint"),
    "plan": Command(DESIGN, "workspace", "plan"),
    "apply": Command(DESIGN, "workspace", "apply"),
    "contract": Command(DESIGN, "contract", "app"),
    "schema": Command(DESIGN, "schema", "app"),
    "impact": Command(DESIGN, "impact", "impact"),
    "editor": Command(DESIGN, "editor", "editor"),
    "reference": Command(DESIGN, "editor", "reference"),
    "approval": Command(DESIGN, "approval", "app"),
    "serve": Command(RUN, "server", "serve"),
    "gateway": Command(RUN, "gateway", "app"),
    "token": Command(PEOPLE, "token", "app"),
    "consumer": Command(PEOPLE, "consumer", "app"),
    "attention": Command(LOOK, "attention", "app"),
    "audit": Command(LOOK, "audit", "app"),
    "completion": Command(TOOL, "completion", "completion"),
}


def _version_asked(is_asked: bool) -> None:
    if is_asked:
        say(program_version())
        raise typer.Exit


def program(
    _: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_version_asked)
    ] = False,
) -> None:
    """Govern the APIs between procurement and finance systems, and see what happened in them.

    A workspace is a directory of files: contracts, systems, consumers, policies. `waybill apply` publishes it to a
    control plane; gateways enforce it on every call and tell the control plane what happened.

    Commands find the control plane by --url and --token, else by WAYBILL_URL and WAYBILL_TOKEN, else by the
    .waybill/ folder of the workspace they stand in. Results also come as --format json.

    Example: waybill init shop
    waybill up shop
    """


def show_version(output: FormatOption = Format.text) -> None:
    """Print the version of this program.

    Example: waybill version
    """
    if output is Format.json:
        say_json({"version": program_version()})
    else:
        say(program_version())


def tree(names: Iterable[str] = COMMANDS) -> Any:
    """The commands of these names as typer runs them, their pages written out; only their modules are imported."""
    app = typer.Typer(
        name="waybill",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(program)
    for name in names:
        _add(app, name, COMMANDS[name])
    app.command("version", rich_help_panel=TOOL)(show_version)
    made = manual.written(typer.main.get_command(app))
    places = {name: PANELS.index(command.rich_help_panel) for name, command in made.commands.items()}
    made.commands = dict(sorted(made.commands.items(), key=lambda item: places[item[0]]))
    return made


def _add(app: typer.Typer, name: str, command: Command) -> None:
    found = getattr(import_module(f"controlplane.cli.{command.module}"), command.attribute)
    if isinstance(found, typer.Typer):
        app.add_typer(found, name=name, rich_help_panel=command.panel)
    else:
        app.command(name, rich_help_panel=command.panel)(found)


def _asked(words: Iterable[str]) -> Iterable[str]:
    """The command that the first word names; all when it names none, for the page and for what was meant."""
    first = next(iter(words), "")
    return (first,) if first in COMMANDS else COMMANDS


def run() -> NoReturn:
    """Run the command line and exit."""
    manual.fit_to_terminal()
    completion.prepare()
    try:
        tree(_asked(sys.argv[1:]))(prog_name=completion.PROGRAM)
    except WaybillError as error:
        print(f"waybill: {error}", file=sys.stderr)
        sys.exit(2 if isinstance(error, Invalid) else 1)
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:
        print(f"waybill: {error.strerror or error}: {error.filename or ''}".rstrip(": "), file=sys.stderr)
        sys.exit(1)
    sys.exit(0)
