"""The demo's workspace: the built-in library, two legal entities, five systems, their bindings and everybody who calls.

A workspace is files; this writes them as a person would keep them in Git. Contracts, schemas and SLOs come from the
built-in library; only the receipt SLO is given a deadline that a short run can see pass.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import yaml

from catalog.network import Binding, Consumer, Credential, Entity, JwtIdentity, System, Timeouts
from controlplane.simulation.driver.client import BUYER, CLINIC, DOCK, INTAKE, PORTAL, TREASURY
from controlplane.simulation.plan import ENTITIES

ISSUER, AUDIENCE = "https://identity.demo.example", "waybill-demo"
SECRET = "DEMO_SYSTEMS"  # noqa: S105 - the name of a secret; its value is made anew for each run
DEADLINE_S = 12  # of the receipt SLO in the demo
PLACES = {
    "mercy-health": ("Mercy Health", "us-east", "America/Chicago"),
    "sankt-marien": ("Sankt Marien Kliniken", "eu-central", "Europe/Berlin"),
}
READ, WRITE, APPROVE = "read", "write", "approve"


class Station(NamedTuple):
    """A system of the network: its kind of process, its entity ("*": all) and the contracts that it backs."""

    name: str
    title: str
    kind: str
    entity: str
    region: str
    contracts: tuple[str, ...]


_LEDGER = ("finance.purchase-orders", "finance.receipts", "finance.invoices", "finance.payments")
STATIONS: tuple[Station, ...] = (
    Station(
        "procurement",
        "Procurement SaaS",
        "procurement",
        "*",
        "us-east",
        ("procurement.requisitions", "procurement.purchase-orders", "procurement.suppliers"),
    ),
    Station("receiving", "Receiving docks", "receiving", "*", "us-east", ("receiving.receipts",)),
    Station("payables", "AP automation", "payables", "*", "us-east", ("payables.invoices",)),
    *(
        Station(f"erp-{name}", f"ERP of {PLACES[name][0]}", "finance", name, PLACES[name][1], _LEDGER)
        for name, _, _ in ENTITIES
    ),
)

#: client or system -> contracts and scopes it is granted
GRANTS: dict[str, dict[str, list[str]]] = {
    PORTAL.name: {"procurement.requisitions": [READ, WRITE, APPROVE]},
    CLINIC.name: {"procurement.requisitions": [READ, WRITE]},
    BUYER.name: {
        "procurement.purchase-orders": [READ, WRITE, APPROVE],
        "procurement.suppliers": [READ, WRITE],
        "procurement.requisitions": [READ],
    },
    DOCK.name: {"receiving.receipts": [READ, WRITE]},
    INTAKE.name: {"payables.invoices": [READ, WRITE]},
    TREASURY.name: {"payables.invoices": [READ, APPROVE], "finance.payments": [READ]},
    "procurement": {"finance.purchase-orders": [READ, WRITE]},
    "receiving": {"finance.receipts": [READ, WRITE]},
    "payables": {
        "finance.purchase-orders": [READ],
        "finance.receipts": [READ],
        "finance.invoices": [READ, WRITE],
        "finance.payments": [READ, WRITE, APPROVE],
    },
}
ONE_ENTITY = {CLINIC.name: ["mercy-health"]}
KEY_HOLDERS: tuple[str, ...] = tuple(name for name in GRANTS if name != TREASURY.name)


def write_workspace(folder: Path, urls: dict[str, str], jwks: dict[str, Any], slo: dict[str, Any]) -> None:
    """`urls`: address of each system; `jwks`: public keys of the token issuer; `slo`: the receipt SLO as shipped."""
    _write(folder / "waybill.yaml", {"workspace": "hospital-network", "include": ["procure-to-pay"]})
    for name, currency, _ in ENTITIES:
        title, region, timezone = PLACES[name]
        _write(folder / f"entities/{name}.yaml", Entity(name, title, region, currency, timezone=timezone))
    for station in STATIONS:
        _write(folder / f"systems/{station.name}.yaml", _system(station, urls[station.name]))
    _write(folder / "bindings/network.yaml", [binding for station in STATIONS for binding in _bindings(station)])
    for name, contracts in GRANTS.items():
        _write(folder / f"consumers/{name}.yaml", _consumer(name, contracts))
    _write(folder / "policies/network.yaml", POLICIES)
    (folder / "identity").mkdir(parents=True, exist_ok=True)
    (folder / "identity/issuer.jwks.json").write_text(json.dumps(jwks, indent=2))
    _write(folder / "slos/receipt.yaml", with_deadline(slo, DEADLINE_S))


def with_deadline(slo: dict[str, Any], deadline_s: int) -> dict[str, Any]:
    """The same life-cycle SLO with another deadline, in its texts too. Raises: ValueError when a text names none."""
    metric = slo["spec"]["indicator"]["spec"]["ratioMetric"]["good"]["metricSource"]["spec"]
    shipped, ours = _in_words(metric["deadline_s"]), _in_words(deadline_s)
    text = json.dumps(slo)
    if shipped not in text:
        raise ValueError(f"no text of the objective says {shipped!r}")
    copied: dict[str, Any] = json.loads(text.replace(shipped, ours))
    copied["spec"]["indicator"]["spec"]["ratioMetric"]["good"]["metricSource"]["spec"]["deadline_s"] = deadline_s
    return copied


def _in_words(duration_s: int) -> str:
    """As the library's texts say it."""
    return f"{duration_s // 60} minutes" if duration_s % 60 == 0 else f"{duration_s} seconds"


POLICIES: list[dict[str, Any]] = [
    {
        "name": "jwt",
        "policy": "jwt",
        "config": {
            "issuers": [
                {
                    "issuer": ISSUER,
                    "audience": AUDIENCE,
                    "jwks_file": "identity/issuer.jwks.json",
                    "algorithms": ["ES256"],
                }
            ]
        },
    }
]


def _system(station: Station, url: str) -> System:
    return System(
        station.name,
        station.title,
        station.region,
        url,
        credential=Credential(SECRET),
        timeouts=Timeouts(connect_s=1.0, first_byte_s=2.0, total_s=4.0),
    )


def _bindings(station: Station) -> list[Binding]:
    return [Binding(contract, 1, station.entity, station.name) for contract in station.contracts]


def _consumer(name: str, contracts: dict[str, list[str]]) -> Consumer:
    entities = ONE_ENTITY.get(name, [entity for entity, _, _ in ENTITIES])
    if name != TREASURY.name:
        return Consumer(name, name.replace("-", " ").title(), entities=entities, contracts=contracts, auth=["api_key"])
    identity = JwtIdentity(ISSUER, TREASURY.name)
    return Consumer(name, "Treasury", entities=entities, contracts=contracts, jwt=identity, auth=["jwt"])


def _write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(msgspec.to_builtins(content), sort_keys=False, allow_unicode=True))
