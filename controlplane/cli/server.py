"""`waybill serve`: the control plane."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def serve(
    data_dir: Annotated[Path, typer.Option(help="Where database and keys live; made when missing.")],
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 chooses a free one.", min=0, max=65535)] = 0,
    ready_file: Annotated[Path | None, typer.Option(help='Written as {"url", "pid"} once the server listens.')] = None,
    admin_token_file: Annotated[
        Path | None, typer.Option(help="Where the first admin token goes (0600) instead of the output.")
    ] = None,
) -> None:
    """Run the control plane until it is stopped. Its first start makes keys and the first admin token.

    Example: waybill serve --data-dir /var/lib/waybill --port 8400
    """
    from controlplane.server import serve as run
    from controlplane.settings import Settings

    run(Settings(data_dir, host, port, ready_file, admin_token_file))
