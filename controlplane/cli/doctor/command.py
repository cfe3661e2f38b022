"""`waybill doctor`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import typer

from catalog.errors import Invalid
from controlplane.cli.connection import TokenOption, UrlOption, connect
from controlplane.cli.doctor.check import Check, State
from controlplane.cli.doctor.local import local, utc_now
from controlplane.cli.doctor.machine import machine
from controlplane.cli.doctor.remote import remote
from controlplane.cli.output import Format, FormatOption, say, say_json
from controlplane.cli.workspace import HERE, DirectoryArgument

SIGNS = {State.good: "✓", State.mind: "!", State.wrong: "✗"}


def doctor(
    directory: DirectoryArgument = HERE,
    url: UrlOption = None,
    token: TokenOption = None,
    output: FormatOption = Format.text,
) -> None:
    """Look at this machine, a workspace and its installation; tell what is wrong and how to mend it.

    Python and packages, disk, the workspace's files, secrets and ports, token issuers, the control plane and its
    database, the token, gateways, whatever ends soon. Nothing is changed. Exit status 1 when something is wrong;
    what is merely to be minded is status 0.

    Example: waybill doctor shop
    """
    if not directory.is_dir():
        raise Invalid(f"{directory} is not a directory")
    checks = list(_checks(directory, url, token))
    if output is Format.json:
        say_json(msgspec.to_builtins(checks))
    else:
        _say(checks)
    if any(check.state is State.wrong for check in checks):
        raise typer.Exit(1)


def _checks(directory: Path, url: str | None, token: str | None) -> Iterator[Check]:
    yield from machine(directory)
    yield from local(directory, utc_now())
    yield from remote(lambda: connect(url, token, directory), utc_now())


def _say(checks: list[Check]) -> None:
    for area in dict.fromkeys(check.area for check in checks):
        say(area)
        for check in checks:
            if check.area == area:
                say(f"  {SIGNS[check.state]} {check.name}: {check.detail}")
                if check.remedy:
                    say(f"      → {check.remedy}")
    counts = {state: sum(check.state is state for check in checks) for state in State}
    say(f"{counts[State.good]} good, {counts[State.mind]} to be minded, {counts[State.wrong]} wrong")
