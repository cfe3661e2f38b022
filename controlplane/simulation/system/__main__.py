"""`python -m controlplane.simulation.system KIND --name NAME …` runs one system until SIGTERM."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
from pathlib import Path

from controlplane.simulation.caller import Caller
from controlplane.simulation.credential import Anonymous, Credential, read_credential
from controlplane.simulation.log import Log
from controlplane.simulation.system.backend import Backend
from controlplane.simulation.system.finance import Finance
from controlplane.simulation.system.inventory import Inventory
from controlplane.simulation.system.legacy import Legacy
from controlplane.simulation.system.masterdata import Masterdata
from controlplane.simulation.system.outbox import Outbox
from controlplane.simulation.system.payables import Payables
from controlplane.simulation.system.procurement import Procurement
from controlplane.simulation.system.receiving import Receiving
from controlplane.simulation.system.server import Application, serve

KINDS = ("procurement", "receiving", "payables", "masterdata", "inventory", "finance", "legacy")


def main() -> None:
    options = _options()
    signal.signal(
        signal.SIGTERM, lambda *_: None
    )  # uvicorn raises it again when it has stopped; the log must be closed
    with Log(options.log) as log:
        asyncio.run(_run(options, log))


async def _run(options: argparse.Namespace, log: Log) -> None:
    backend = make_backend(options, log)
    secret = options.secret_file.read_text().strip() if options.secret_file else ""
    try:
        application = Application(options.name, backend, log, secret, options.pace_s)
        await serve(application, options.port, options.ready_file)
    finally:
        await backend.close()


def make_backend(options: argparse.Namespace, log: Log) -> Backend:
    """The backend of the kind asked for."""

    def connect() -> Caller:
        url = json.loads(options.gateway_file.read_bytes())["url"]
        credential: Credential = Anonymous() if options.key_file is None else read_credential(options.key_file)
        return Caller(options.name, url, credential, log)

    match options.kind:
        case "procurement":
            return Procurement(Outbox(connect))
        case "receiving":
            return Receiving(Outbox(connect))
        case "payables":
            return Payables(options.name, Outbox(connect))
        case "masterdata":
            return Masterdata(options.name, Outbox(connect))
        case "inventory":
            return Inventory(Outbox(connect))
        case "finance":
            return Finance(options.name, options.entity)
        case _:
            return Legacy(options.name, options.entity)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m controlplane.simulation.system", description=__doc__)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--name", required=True, help="id of the system in the workspace")
    parser.add_argument("--entity", default="", help="legal entity of an ERP")
    parser.add_argument("--pace-s", type=float, default=0.0, help="think so long over each request, one at a time")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--ready-file", type=Path, required=True)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--gateway-file", type=Path, help="ready-file of the gateway, read at the first call")
    parser.add_argument("--key-file", type=Path, help="credential file, read at the first call")
    parser.add_argument("--secret-file", type=Path, help="what callers must present as bearer token")
    return parser.parse_args()


if __name__ == "__main__":
    main()
