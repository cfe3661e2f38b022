"""`waybill contract repin`: a newer canonical schema is taken over by a draft of its own, and nothing is replaced."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from catalog.workspace import read_directory
from controlplane.cli import program
from controlplane.registry.candidate import load_workspace
from tests.catalog.workspace import GOOD

FOLDER = "contracts/orders/purchases"
PURCHASE = json.loads((GOOD / "schemas" / "purchase" / "1.0.0.json").read_text())


@pytest.fixture
def network(tmp_path: Path) -> Path:
    shutil.copytree(GOOD, tmp_path / "network", ignore=shutil.ignore_patterns("policies", "keys"))
    return tmp_path / "network"


@pytest.fixture
def repin(network: Path, monkeypatch, capsys):
    """The command in this process: exit status, standard output, standard error."""

    def run(*arguments: str) -> tuple[int, str, str]:
        command = ["waybill", "contract", "repin", *arguments, "--workspace", str(network)]
        monkeypatch.setattr(sys, "argv", command)
        with pytest.raises(SystemExit) as ended:
            program.run()
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    return run


def add(network: Path, version: str, **reference: object) -> None:
    defined = {"reference": {**PURCHASE["$defs"]["reference"], **reference}}
    document = {**PURCHASE, "$id": f"canonical:purchase@{version}", "$defs": defined}
    (network / f"schemas/purchase/{version}.json").write_text(json.dumps(document))


@pytest.mark.parametrize(
    ("change", "version", "bump"),
    [
        ({"description": "Ours"}, "1.1.1", "patch"),
        ({"maxLength": 80}, "2.0.0", "major"),
    ],
)
def test_the_draft_has_the_least_number_and_the_new_pin(repin, network: Path, change, version, bump) -> None:
    """What is published stays byte for byte, and a second time nothing is written."""
    add(network, "1.1.0", **change)
    before = read_directory(network)
    status, out, err = repin("orders.purchases", "--schema", "purchase@1.1.0", "--format", "json")
    assert status == 0, err
    (made,) = json.loads(out)["drafts"]
    assert (made["previous"], made["version"], made["bump"]) == ("1.1.0", version, bump)
    after = read_directory(network)
    document = f"{FOLDER}/{version}/openapi.yaml"
    assert set(after) - set(before) == {document}
    assert {path for path in before if after[path] != before[path]} == {f"{FOLDER}/contract.yaml"}
    loaded = load_workspace(after).version(f"orders.purchases@{version}")
    assert loaded is not None and loaded.state.state == "draft" and loaded.document["info"]["version"] == version
    assert b"canonical:purchase@^1.1.0" in after[document]
    assert "purchase@1.1.0" in loaded.pins
    changes = (network / f"{FOLDER}/{version}/CHANGES.md").read_text()
    assert f"1.1.0 → {version}" in changes
    status, _, err = repin("orders.purchases")
    assert status == 1 and "is there already" in err and "Traceback" not in err
    assert read_directory(network) == after


def test_every_contract_that_is_reached(repin, network: Path) -> None:
    """In one go; those that took it over already are told and left alone."""
    add(network, "1.1.0", maxLength=80)
    status, out, err = repin("--all-reached")
    assert status == 0, err
    assert "orders.purchases@2.0.0, a draft after 1.1.0: takes purchase@1.1.0 over" in out
    assert f"  {FOLDER}/2.0.0/openapi.yaml" in out and "purchase-events" not in out
    load_workspace(read_directory(network))
    status, out, _ = repin("--all-reached")
    assert status == 0 and "left as it is: contracts/orders/purchases/2.0.0/" in out


def test_what_is_leant_on_through_another_schema_only_is_told(repin, network: Path) -> None:
    """The other one has to take it over first: canonical schemas name each other by exact version."""
    money = json.loads((network / "schemas/money/1.0.0.json").read_text())
    text = json.dumps({**money, "$id": "canonical:money@1.1.0", "description": "Ours"})
    (network / "schemas/money/1.1.0.json").write_text(text)
    before = read_directory(network)
    status, _, err = repin("orders.purchases", "--schema", "money@1.1.0")
    assert status == 1 and "through another schema only" in err
    assert read_directory(network) == before


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        ((), 2, "name contracts, or say --all-reached"),
        (("orders.purchases",), 1, "has no newer canonical schema"),
        (("orders.nothing",), 1, "no version of orders.nothing is published"),
        (("orders.purchases", "--schema", "purchase@9.0.0"), 1, "no canonical schema purchase@9.0.0"),
    ],
)
def test_what_cannot_be_done_is_one_message(repin, arguments, status, told) -> None:
    found, _, err = repin(*arguments)
    assert found == status and told in err and "Traceback" not in err
