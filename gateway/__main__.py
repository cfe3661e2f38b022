"""`python -m gateway`: run a gateway, export its streams, verify them. One readable message for what goes wrong."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path

from msgspec.structs import replace

from catalog.errors import Invalid, NotFound, WaybillError
from catalog.log import configure
from gateway import settings as setting
from gateway.state import backlog
from gateway.state.connection import Connection
from gateway.state.schema import open_reader
from gateway.state.sqlite import FILE
from gateway.stream import check, continuation

COMMANDS = ("run", "export", "verify", "settings")
EXAMPLE = (
    "Example: waybill gateway run --state-dir /var/lib/gateway --control-plane http://127.0.0.1:8400 "
    "--enrolment-token-file token. Exit status: 0 stopped, 1 failed or refused, 2 a setting is wrong."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 done, 1 failed or refused, 2 bad input."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] not in (*COMMANDS, "-h", "--help"):
        words.insert(0, "run")
    options = _parser().parse_args(words)
    commands: dict[str, Callable[[argparse.Namespace], int]] = {
        "run": _run,
        "export": _export,
        "verify": _verify,
        "settings": _settings,
    }
    try:
        return commands[options.command](options)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader has seen enough
        return 0
    except WaybillError as error:
        return _told(error)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m gateway", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run the gateway (the default)", description=setting.__doc__, epilog=EXAMPLE)
    setting.add_options(run)
    for name, text in (
        ("export", "print all stream lines that this state keeps, oldest stream first"),
        ("verify", "check number and hash chain of every stream that this state keeps"),
    ):
        example = f"Example: python -m gateway {name} --state-dir /var/lib/gateway"
        command = commands.add_parser(name, help=text, description=text, epilog=example)
        kept = command.add_mutually_exclusive_group(required=True)
        kept.add_argument("--state-dir", type=Path, help="directory of a gateway whose state is SQLite")
        kept.add_argument("--state-url", help="postgresql:// URL of the state that a group shares")
        command.add_argument("--stream", default="", help="only this stream")
    commands.add_parser("settings", help="print all settings as a table in Markdown")
    return parser


def _settings(_: argparse.Namespace) -> int:
    sys.stdout.write(setting.table())
    return 0


def _run(options: argparse.Namespace) -> int:
    from gateway.process import run  # loads the whole data plane, which export does without

    settings = setting.read(vars(options), os.environ)
    level = logging.getLevelNamesMapping().get(settings.log_level.upper())
    if level is None:
        raise Invalid(f"--log-level: {settings.log_level!r} is none of debug, info, warning, error")
    configure(level, settings.log_format)
    if settings.state_url:
        return _supervise(settings)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(run(settings))
    return 0


def _supervise(settings: setting.Settings) -> int:
    """Processes that share a state; also a single one, which its group may declare dead and must start again."""
    from gateway.process import run, write_ready_file
    from gateway.supervisor import Inherited, supervise

    def serve(slot: int, inherited: Inherited) -> int:
        own = replace(settings, slot=slot, ready_file=None)
        try:
            with asyncio.Runner(loop_factory=_loop_factory()) as runner:
                runner.run(run(own, inherited))
        except WaybillError as error:
            return _told(error)
        return 0

    def ready(url: str) -> None:
        if settings.ready_file is not None:
            write_ready_file(settings.ready_file, url)

    return supervise(settings, serve, ready)


def _told(error: WaybillError) -> int:
    """One readable message, and the exit status."""
    print(f"gateway: {error}", file=sys.stderr)  # noqa: T201 - a command line speaks
    return 2 if isinstance(error, Invalid) else 1


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's, where it is made for the platform."""
    try:
        from uvloop import new_event_loop
    except ImportError:
        return None
    return new_event_loop


def _export(options: argparse.Namespace) -> int:
    reader = _reader(options)
    for name in _chosen(backlog.streams(reader), options.stream):
        for line in backlog.lines_of(reader, name):
            sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()
    return 0


def _verify(options: argparse.Namespace) -> int:
    reader = _reader(options)
    is_whole = True
    for name in _chosen(backlog.streams(reader), options.stream):
        lines = iter(backlog.lines_of(reader, name))
        first = next(lines, None)
        if first is None:
            print(f"{name}: nothing kept")  # noqa: T201
            continue
        try:
            start = continuation(first)
            end = check(chain([first], lines), start)
            trust = "" if start.last == 0 else "; what came before is no longer kept here"
            print(f"{name}: whole, entries {start.last + 1} to {end.last}, head {end.head}{trust}")  # noqa: T201
        except Invalid as error:
            is_whole = False
            print(f"{name}: BROKEN: {error}")  # noqa: T201
    return 0 if is_whole else 1


def _reader(options: argparse.Namespace) -> Connection:
    if options.state_url:
        from gateway.state.postgres.schema import open_reader as open_database

        return open_database(options.state_url)
    path: Path = options.state_dir / FILE
    if not path.exists():
        raise Invalid(f"{options.state_dir} holds no gateway state ({FILE} is missing)")
    return open_reader(path)


def _chosen(names: list[str], wanted: str) -> list[str]:
    if wanted and wanted not in names:
        raise NotFound(f"no stream {wanted!r}; there are {', '.join(names) or 'none'}")
    return [wanted] if wanted else names


if __name__ == "__main__":
    sys.exit(main())
