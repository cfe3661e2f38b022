"""`waybill demo`: a simulated hospital network behind a governed gateway, to watch or to prove."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from catalog.errors import Invalid
from controlplane.cli.output import Format, FormatOption, say, say_json
from controlplane.cli.server import DatabaseOption, StateOption
from controlplane.process import raise_on_end

if TYPE_CHECKING:
    from controlplane.simulation.network import Load, Stores
    from controlplane.simulation.verify import Report

app = typer.Typer(
    name="demo",
    help="""Run a simulated hospital network: until Ctrl-C, or for a while and then compare what everybody wrote down.

    Three legal entities and a shared service center, eight systems, their clients and their faults, after sixty days of
    invented history that is marked as synthetic wherever it is read. Databases named by --database-url and
    --state-url must be empty ones. Exit status 1 when a difference between the logs of clients, systems, gateway and
    control plane is unexplained.
    """,
    invoke_without_command=True,
    epilog="Example: waybill demo --duration 60 --rate 50 --seed 7 --report report.json --no-dashboards",
)

SEGMENT_S = 120.0  # without an end the plan repeats in segments of this length, each with other transactions
SHOWN = 20
STARTING = "starting control plane, gateway, eight systems and their clients; this takes some seconds"


@app.callback()
def demo(
    context: typer.Context,
    duration: Annotated[
        float | None,
        typer.Option(help="Seconds of load, then compare all logs and exit; without: until Ctrl-C.", min=5),
    ] = None,
    rate: Annotated[float, typer.Option(help="Client calls per second, about.", min=1, max=500)] = 20.0,
    seed: Annotated[int, typer.Option(help="Fixes the plan and the faults, not the timings.")] = 7,
    report: Annotated[Path | None, typer.Option(help="Where the report of a run with --duration goes, too.")] = None,
    run_dir: Annotated[
        Path | None, typer.Option(help="Where everything is kept; must be empty. Default: a temporary directory.")
    ] = None,
    history: Annotated[
        bool, typer.Option("--history/--no-history", help="Feed sixty days of invented history first.")
    ] = True,
    dashboards: Annotated[bool, typer.Option(help="Run the pages too, if Streamlit is installed.")] = True,
    database_url: DatabaseOption = "",
    state_url: StateOption = "",
) -> None:
    """Run the network until Ctrl-C, or for a while and then compare what everybody wrote down.

    Databases named by --database-url and --state-url must be empty.

    Exit status 1 when a difference between the logs of clients, systems, gateway and control plane is unexplained.
    """
    if context.invoked_subcommand is not None:
        return
    from controlplane.simulation.network import Load, Stores
    from controlplane.simulation.run import run_headless

    if report is not None:
        if duration is None:
            raise Invalid("--report goes with --duration: a run without an end has no report")
        _check_writable(report)
    folder = _run_dir(run_dir)
    raise_on_end()
    stores = Stores(database_url, state_url)
    if duration is None:
        _watch(folder, Load(seed, SEGMENT_S, rate, is_endless=True, has_history=history), dashboards, stores)
        return
    say(STARTING)
    load = Load(seed, duration, rate, is_endless=False, has_history=history)
    made = run_headless(folder, load, dashboards, say, stores)
    _say_report(made, folder)
    if report is not None:
        report.write_bytes((folder / "report.json").read_bytes())
        say(f"report also in {report}")
    _end(made)


@app.command("verify")
def verify(
    run_dir: Annotated[Path, typer.Argument(help="Run directory of a demo with --duration.")],
    output: FormatOption = Format.text,
) -> None:
    """Compare the logs of a finished run again; exit status 1 on any unexplained difference.

    Example: waybill demo verify /tmp/waybill-demo-x1 --format json
    """
    from controlplane.simulation.run import compare

    made = compare(run_dir)
    if output is Format.json:
        say_json(msgspec.to_builtins(made))
    else:
        _say_report(made, run_dir)
    _end(made)


def _run_dir(wanted: Path | None) -> Path:
    if wanted is None:
        return Path(tempfile.mkdtemp(prefix="waybill-demo-"))
    if wanted.exists() and any(wanted.iterdir()):
        raise Invalid(f"{wanted} is not empty: a run never mixes with what another left")
    wanted.mkdir(parents=True, exist_ok=True)
    return wanted.resolve()


def _check_writable(path: Path) -> None:
    """Before minutes of load. Raises: Invalid."""
    is_new = not path.exists()
    try:
        path.open("ab").close()
        if is_new:
            path.unlink()
    except OSError as error:
        raise Invalid(f"--report {path} cannot be written: {error.strerror}") from error


def _watch(run_dir: Path, load: Load, has_dashboards: bool, stores: Stores) -> None:
    from rich.console import Console

    from controlplane.simulation.network import Network
    from controlplane.simulation.run import backfill
    from controlplane.simulation.screen import watch

    say(STARTING)
    with Network(run_dir, has_dashboards, stores) as network:
        for name, url in network.addresses.items():
            say(f"{name:<18} {url}")
        if network.left_out:
            say(network.left_out)
        say(f"\nsign in with this token (administrator): {network.admin_token}")
        say(f"everything is kept in {run_dir}\n")
        if load.has_history:
            backfill(network, load.seed, say)
        network.start_driver(load)
        try:
            watch(network, Console())
        except KeyboardInterrupt:
            say("stopping")


def _say_report(made: Report, run_dir: Path) -> None:
    counts = ", ".join(f"{value} {name.replace('_', ' ')}" for name, value in made.counts.items() if value)
    say(f"plan {made.plan_sha256[0][:12]}, faults {made.faults_sha256[0][:12]}, seed {made.seed}")
    say(counts)
    say(f"clients: {made.throughput['client_attempts']}/s, latency in ms {made.latency_ms}")
    say(f"refused by {made.refusals}")
    gave_up = sum(made.gave_up.values())
    say(f"differences explained by faults: {made.explained or 'none'}; callers who gave up: {gave_up}")
    unexplained = [one for one in made.differences if not one.is_explained]
    for one in unexplained[:SHOWN]:
        say(f"UNEXPLAINED {one.kind} {one.subject}: {'; '.join(f'{who}: {what}' for who, what in one.sides.items())}")
    if len(unexplained) > SHOWN:
        say(f"… and {len(unexplained) - SHOWN} more")
    say(f"{len(made.differences)} differences, {made.unexplained} unexplained; report in {run_dir / 'report.json'}")


def _end(made: Report) -> None:
    if not made.is_clean:
        raise typer.Exit(1)
