"""The demo's workspace: files as a person would keep them in Git (data/workspace/), with the addresses of one run.

Contracts, schemas and most SLOs come from the built-in library; only the receipt SLO is given a deadline that a short
run can see pass.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import yaml

DATA = Path(__file__).with_name("data")
FILES = DATA / "workspace"
ISSUER, AUDIENCE = "https://identity.demo.example", "waybill-demo"  # as policies/network.yaml names them
SECRET = "DEMO_SYSTEMS"  # noqa: S105 - the name of a secret; its value is made anew for each run
DEADLINE_S = 12  # of the receipt SLO in the demo


class Station(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A system of the network as a process."""

    name: str  # id of the system
    kind: str  # of backend
    entity: str = "*"  # whose ledger it keeps; "*": it serves all, and calls others
    pace_s: float = 0.0  # it takes one request at a time and thinks this long over each


STATIONS: tuple[Station, ...] = tuple(msgspec.yaml.decode((DATA / "stations.yaml").read_bytes(), type=list[Station]))


def _declared(folder: str) -> list[dict[str, Any]]:
    return [yaml.safe_load(path.read_text()) for path in sorted((FILES / folder).glob("*.yaml"))]


#: consumers that are given an API key
KEY_HOLDERS: tuple[str, ...] = tuple(one["consumer"] for one in _declared("consumers") if "api_key" in one["auth"])


def write_workspace(folder: Path, urls: dict[str, str], jwks: dict[str, Any], slo: dict[str, Any]) -> None:
    """`urls`: address of each system; `jwks`: public keys of the token issuer; `slo`: the receipt SLO as shipped."""
    for path in sorted(FILES.rglob("*.yaml")):
        _write(folder / path.relative_to(FILES), path.read_text())
    for system in _declared("systems"):
        system["base_url"] = urls[system["system"]]
        _write(folder / f"systems/{system['system']}.yaml", yaml.safe_dump(system, sort_keys=False))
    _write(folder / "identity/issuer.jwks.json", json.dumps(jwks, indent=2))
    receipt = yaml.safe_dump(with_deadline(slo, DEADLINE_S), sort_keys=False, allow_unicode=True)
    _write(folder / "slos/receipt.yaml", receipt)


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


def _write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
