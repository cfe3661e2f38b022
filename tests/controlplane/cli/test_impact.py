"""`waybill impact`: whom a changed canonical schema reaches, with and without a control plane."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from controlplane.cli import program
from tests.catalog.workspace import GOOD

PURCHASE = json.loads((GOOD / "schemas" / "purchase" / "1.0.0.json").read_text())


@pytest.fixture
def impact(tmp_path: Path, monkeypatch, capsys):
    """The command in this process: exit status, standard output, standard error."""

    def run(document, *options: str) -> tuple[int, str, str]:
        (tmp_path / "changed.json").write_text(json.dumps(document))
        ignored = shutil.ignore_patterns("policies", "keys")  # made for other checks than the program's own
        shutil.copytree(GOOD, tmp_path / "workspace", ignore=ignored)
        monkeypatch.chdir(tmp_path)
        for name in ("WAYBILL_URL", "WAYBILL_TOKEN"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setattr(sys, "argv", ["waybill", "impact", "changed.json", "--workspace", "workspace", *options])
        with pytest.raises(SystemExit) as ended:
            program.run()
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    return run


def changed(**definition):
    return {**PURCHASE, "$id": "canonical:purchase@1.1.0", "$defs": {"reference": {"type": "string", **definition}}}


def test_a_change_is_told_by_contract_operation_and_direction(impact) -> None:
    status, out, _ = impact(changed(minLength=1, maxLength=80), "--format", "json")
    told = json.loads(out)
    assert (status, told["schema"], told["verdict"], told["bump"]) == (1, "purchase@1.1.0", "incompatible", "major")
    (contract,) = told["contracts"]
    assert (contract["contract"], contract["pinned"], contract["consumers"]) == (
        "orders.purchases@1.1.0",
        ["1.0.0"],
        None,
    )
    assert {(use["operation"], use["direction"]) for use in contract["uses"]} == {
        ("purchases.create", "request"),
        ("purchases.create", "response"),
        ("purchases.list", "response"),
    }
    assert all(change["witness"] for change in contract["changes"] if change["severity"] == "major")


def test_no_change_is_status_0_and_text_says_what_is_not_known(impact) -> None:
    status, out, _ = impact({**PURCHASE, "$id": "canonical:purchase@1.1.0"})
    assert status == 0
    assert "orders.purchases@1.1.0" in out and "POST /purchases" in out and "--url" in out
    assert out.splitlines()[-1] == "compatible: 1 contract version, at most none"


@pytest.mark.parametrize("name", [None, "purchase", "canonical:purchase@^1.1"])
def test_a_schema_that_does_not_say_which_it_is(impact, name) -> None:
    """Status 2, the place, and what to write."""
    document = {key: value for key, value in PURCHASE.items() if key != "$id"}
    status, _, err = impact({**document, "$id": name} if name else document)
    assert status == 2
    assert "changed.json#/$id" in err and "canonical:<object>@<version>" in err


def test_a_control_plane_that_was_named_must_answer(impact) -> None:
    status, _, err = impact(changed(minLength=1), "--url", "http://127.0.0.1:1", "--token", "wbt_none")
    assert status == 1 and "http://127.0.0.1:1" in err


def test_consumers_are_named(server, monkeypatch, impact) -> None:
    """A control plane that has seen no call names nobody; that it was asked is told."""
    process, token = server
    status, out, _ = impact(
        changed(minLength=1, maxLength=40), "--url", process.url, "--token", token, "--format", "json"
    )
    told = json.loads(out)
    assert (status, told["traffic"]) == (0, "30d")
    assert [each["consumers"] for each in told["contracts"]] == [[]]
