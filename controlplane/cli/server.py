"""`waybill serve`: the control plane."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from controlplane.cli.sign_in import AudienceOption, CaFileOption, IssuerOption, RulesOption


class LogFormat(StrEnum):
    text = "text"
    json = "json"


#: from the environment where it can be, since a command line shows passwords to everybody on the machine
DatabaseOption = Annotated[
    str,
    typer.Option(
        help="sqlite:///PATH or postgresql://USER@HOST/DATABASE; default: SQLite in the data directory.",
        envvar="WAYBILL_DATABASE_URL",
    ),
]

StateOption = Annotated[
    str,
    typer.Option(
        help="postgresql:// URL of the gateway's state; default: SQLite in its directory.",
        envvar="WAYBILL_GATEWAY_STATE_URL",
    ),
]


def serve(
    data_dir: Annotated[Path, typer.Option(help="Where database and keys live; made when missing.")],
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 chooses a free one.", min=0, max=65535)] = 0,
    ready_file: Annotated[Path | None, typer.Option(help='Written as {"url", "pid"} once the server listens.')] = None,
    admin_token_file: Annotated[
        Path | None, typer.Option(help="Where the first admin token goes (0600) instead of the output.")
    ] = None,
    database_url: DatabaseOption = "",
    log_format: Annotated[
        LogFormat, typer.Option(help="Of the log on standard error: text, or JSON lines.")
    ] = LogFormat.text,
    otlp_endpoint: Annotated[
        str, typer.Option(help="Base URL of an OTLP/HTTP collector; default: OTEL_EXPORTER_OTLP_ENDPOINT, or none.")
    ] = "",
    otlp_sample_ratio: Annotated[
        float, typer.Option(help="Share of the traces beginning here that is exported.", min=0, max=1)
    ] = 1.0,
    oidc_issuer: IssuerOption = "",
    oidc_audience: AudienceOption = "",
    oidc_rules: RulesOption = None,
    oidc_ca_file: CaFileOption = None,
    oidc_max_stale_s: Annotated[
        int,
        typer.Option(help="How long its keys count that cannot be fetched again, restarts or not.", min=1, max=604_800),
    ] = 86_400,
    otlp_metric_interval_s: Annotated[float, typer.Option(help="How often metrics are exported.", min=0.1)] = 60.0,
) -> None:
    """Run the control plane until it is stopped. Its first start makes keys and the first admin token.

    Several control planes may share one PostgreSQL database if they have the same keys/ in their data directories.

    Example: waybill serve --data-dir /var/lib/waybill --port 8400
    """
    from controlplane.server import serve as run
    from controlplane.settings import Settings

    settings = Settings(
        data_dir,
        host,
        port,
        ready_file,
        admin_token_file,
        database_url,
        log_format=log_format.value,
        otlp_endpoint=otlp_endpoint,
        otlp_sample_ratio=otlp_sample_ratio,
        otlp_metric_interval_s=otlp_metric_interval_s,
        oidc_issuer=oidc_issuer,
        oidc_audience=oidc_audience,
        oidc_rules=oidc_rules,
        oidc_ca_file=oidc_ca_file,
        oidc_max_stale_s=oidc_max_stale_s,
    )
    run(settings)
