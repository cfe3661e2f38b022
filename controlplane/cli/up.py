"""`waybill up`: control plane, one gateway and the dashboards over a workspace, on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from catalog.errors import Conflict, Invalid, Problem
from controlplane.cli.output import say
from controlplane.cli.server import DatabaseOption, StateOption
from controlplane.cli.sign_in import (
    AudienceOption,
    CaFileOption,
    ClientOption,
    IssuerOption,
    PublicUrlOption,
    RulesOption,
    SecretFileOption,
    SignIn,
)
from controlplane.cli.stack import Options, Stack
from controlplane.cli.workspace import HERE, DirectoryArgument, read_workspace


def up(
    directory: DirectoryArgument = HERE,
    workspace: Annotated[Path | None, typer.Option(help="The same, as an option.", hidden=True)] = None,
    dashboards: Annotated[bool, typer.Option(help="Run the pages too, if Streamlit is installed.")] = True,
    port: Annotated[
        int, typer.Option(help="Port of the control plane; 0: the last one, or any.", min=0, max=65535)
    ] = 0,
    gateway_port: Annotated[
        int, typer.Option(help="Port of the gateway; 0: the last one, or any.", min=0, max=65535)
    ] = 0,
    secrets: Annotated[
        Path | None, typer.Option(help="0600 file with the systems' credentials, for the gateway.")
    ] = None,
    database_url: DatabaseOption = "",
    state_url: StateOption = "",
    oidc_issuer: IssuerOption = "",
    oidc_audience: AudienceOption = "",
    oidc_rules: RulesOption = None,
    oidc_ca_file: CaFileOption = None,
    oidc_client_id: ClientOption = "",
    oidc_client_secret_file: SecretFileOption = None,
    public_url: PublicUrlOption = "",
) -> None:
    """Run control plane, gateway and pages for a workspace until Ctrl-C.

    State stays in the workspace's .waybill/ folder and a second `up` goes on from there.

    Applies the workspace, issues a key for each consumer at the first run and prints a ready curl command. From
    another shell, `waybill apply` publishes changes while everything runs. With --oidc-issuer people sign in to the
    pages and the API at an OpenID provider.

    Example: waybill up shop --no-dashboards
    """
    workspace = workspace or directory
    sign_in = SignIn(
        oidc_issuer, oidc_audience, oidc_rules, oidc_ca_file, oidc_client_id, oidc_client_secret_file, public_url
    )
    sign_in.check(dashboards)
    files = read_workspace(workspace)
    _check(files)
    options = Options(dashboards, port, gateway_port, secrets and secrets.resolve(), database_url, state_url, sign_in)
    with Stack(workspace.resolve(), options) as stack:
        stack.start(files)
        stack.describe()
        say("\nrunning until Ctrl-C")
        stack.watch()


def _check(files: dict[str, str]) -> None:
    """Before anything is started or written. Raises: Conflict."""
    from controlplane.registry.candidate import load_workspace

    try:
        load_workspace(files)
    except Invalid as error:
        raise Conflict("the workspace is not valid", error.problems or (Problem(error.detail),)) from error
