"""The program: every command group, and the one handler that turns errors into a message and an exit status.

Exit status: 0 done, 1 refused or failed, 2 the command line or an input is wrong, 130 interrupted.
"""

from __future__ import annotations

import sys
from typing import Annotated, Any, NoReturn

import typer

from catalog.errors import Invalid, WaybillError
from controlplane.cli import (
    approval,
    attention,
    audit,
    completion,
    consumer,
    contract,
    demo,
    doctor,
    editor,
    gateway,
    impact,
    initialise,
    lint,
    manual,
    schema,
    server,
    token,
    up,
    workspace,
)
from controlplane.cli.output import Format, FormatOption, say, say_json
from controlplane.release import program_version

START, DESIGN, RUN = "Start here", "Design and publish", "Run"
PEOPLE, LOOK, TOOL = "People and credentials", "Look and resolve", "This program"
PANELS = (START, DESIGN, RUN, PEOPLE, LOOK, TOOL)  # in the order of the page

app = typer.Typer(
    name="waybill",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command("init", rich_help_panel=START)(initialise.init)
app.command("up", rich_help_panel=START)(up.up)
app.add_typer(demo.app, rich_help_panel=START)
app.command("doctor", rich_help_panel=START)(doctor.doctor)
app.command("lint", rich_help_panel=DESIGN)(lint.lint)
app.command("plan", rich_help_panel=DESIGN)(workspace.plan)
app.command("apply", rich_help_panel=DESIGN)(workspace.apply)
app.add_typer(contract.app, rich_help_panel=DESIGN)
app.add_typer(schema.app, rich_help_panel=DESIGN)
app.command("impact", rich_help_panel=DESIGN)(impact.impact)
app.command("editor", rich_help_panel=DESIGN)(editor.editor)
app.command("reference", rich_help_panel=DESIGN)(editor.reference)
app.add_typer(approval.app, rich_help_panel=DESIGN)
app.command("serve", rich_help_panel=RUN)(server.serve)
app.add_typer(gateway.app, rich_help_panel=RUN)
app.add_typer(token.app, rich_help_panel=PEOPLE)
app.add_typer(consumer.app, rich_help_panel=PEOPLE)
app.add_typer(attention.app, rich_help_panel=LOOK)
app.add_typer(audit.app, rich_help_panel=LOOK)
app.command("completion", rich_help_panel=TOOL)(completion.completion)


def _version_asked(is_asked: bool) -> None:
    if is_asked:
        say(program_version())
        raise typer.Exit


@app.callback()
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


@app.command("version", rich_help_panel=TOOL)
def show_version(output: FormatOption = Format.text) -> None:
    """Print the version of this program.

    Example: waybill version
    """
    if output is Format.json:
        say_json({"version": program_version()})
    else:
        say(program_version())


def tree() -> Any:
    """All commands as typer runs them, their pages written out."""
    made = manual.written(typer.main.get_command(app))
    places = {name: PANELS.index(command.rich_help_panel) for name, command in made.commands.items()}
    made.commands = dict(sorted(made.commands.items(), key=lambda item: places[item[0]]))
    return made


def run() -> NoReturn:
    """Run the command line and exit."""
    manual.fit_to_terminal()
    completion.prepare()
    try:
        tree()(prog_name=completion.PROGRAM)
    except WaybillError as error:
        print(f"waybill: {error}", file=sys.stderr)
        sys.exit(2 if isinstance(error, Invalid) else 1)
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:
        print(f"waybill: {error.strerror or error}: {error.filename or ''}".rstrip(": "), file=sys.stderr)
        sys.exit(1)
    sys.exit(0)
