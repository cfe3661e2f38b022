"""`waybill contract users`, and what `waybill impact` says of those who were seen, over the API with real traffic."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from controlplane.cli import impact, program, usage
from controlplane.ingest.service import IngestService
from controlplane.projection import projections
from tests.catalog.workspace import GOOD
from tests.controlplane.conftest import Api
from tests.controlplane.journal import T0_US, Calls, Stream
from tests.controlplane.traffic.test_field import STATES, _two_majors

Run = Callable[..., tuple[int, str]]


class Within:
    """A client of the application in this process."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def get(self, path: str, **query: Any) -> Any:
        answer = self._api.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
def run(api: Api, monkeypatch, capsys, tmp_path: Path) -> Run:
    """A command: exit status and standard output."""

    @contextmanager
    def connect(*_: Any) -> Iterator[Within]:
        yield Within(api)

    monkeypatch.setattr(usage, "connect", connect)
    monkeypatch.setattr(impact, "connect", connect)
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["waybill", *words])
        with pytest.raises(SystemExit) as ended:
            program.run()
        return int(ended.value.code or 0), capsys.readouterr().out

    return call


@pytest.fixture
def parcels(context, api: Api) -> None:
    """`shop` on the deprecated version, `mill` on its successor; a third was refused."""
    assert api.post("/workspace/apply", {"files": _two_majors()}).status_code == 200
    calls, stream = Calls(T0_US, "main"), Stream()
    create = "logistics.parcels/parcels.create"
    stream.log(
        calls.make(create, consumer="shop", request_fields=("body:", "body:/id"), response_fields=("201:",)),
        calls.make(create, consumer="mill", version="2.0.0", request_fields=("body:", "body:/weight_g")),
        calls.refused(create, None, "shape", "shape-violation", consumer="lost"),
    )
    stream.send(IngestService(context, projections()))


def test_users_are_told_with_fields_and_days_to_sunset(run: Run, parcels: None) -> None:
    status, out = run("contract", "users", "logistics.parcels", "--format", "json")
    told = json.loads(out)
    uses = {item["consumer"]: item["uses"] for item in told["items"]}
    assert status == 0
    assert uses["shop"][0]["fields"] == {"request": ["body:", "body:/id"], "response": ["201:"]}
    assert uses["mill"][0]["fields"] == {"request": ["body:", "body:/weight_g"], "response": []}
    late = {each["consumer"]: each for each in told["late"]}
    assert late.keys() == {"shop", "lost"}
    assert (late["shop"]["days_to_sunset"], late["shop"]["successor"]) == (17, "2.0.0")


def test_text_says_who_has_to_move_on(run: Run, parcels: None) -> None:
    _, out = run("contract", "users", "logistics.parcels")
    assert "shop 1.0.0 parcels.create\n  sent body: /id\n  answered 201: all of it\n" in out
    sunset = STATES["1.0.0"]["sunset_at"]
    late = f"deprecated, 17 days to its sunset ({sunset}); go on to 2.0.0"
    assert f"shop (no owner) still calls parcels.create of 1.0.0: {late}" in out
    assert "mill" in out and "mill (" not in out


def test_a_contract_that_does_not_exist_is_no_contract_without_users(run: Run, parcels: None) -> None:
    for name in ("logistics.parcel", "logistics.parcels@1.0.0"):
        assert run("contract", "users", name)[0] == 2
    assert run("contract", "users", "logistics.parcels", "--days", "1")[0] == 0


def test_a_contract_that_nobody_called(run: Run, api: Api) -> None:
    assert api.post("/workspace/apply", {"files": _two_majors()}).status_code == 200
    assert run("contract", "users", "logistics.parcels") == (
        0,
        "nobody was seen on logistics.parcels in the last 30 days\ngranted, and not seen: shop\n",
    )


def test_impact_counts_whom_the_change_hits(run: Run, context, tmp_path: Path) -> None:
    """Of three that made purchases one was given what changes, one was not, and one was refused."""
    ignored = shutil.ignore_patterns("policies", "keys")  # made for other checks than the program's own
    shutil.copytree(GOOD, tmp_path / "workspace", ignore=ignored)
    schema = json.loads((GOOD / "schemas" / "purchase" / "1.0.0.json").read_text())
    schema |= {"$id": "canonical:purchase@1.1.0", "$defs": {"reference": {"type": "string", "maxLength": 80}}}
    (tmp_path / "changed.json").write_text(json.dumps(schema))
    calls, stream = Calls(T0_US, "main"), Stream()
    create = "orders.purchases/purchases.create"
    stream.log(
        calls.make(create, version="1.1.0", consumer="one", response_fields=("201:", "201:/reference")),
        calls.make(create, version="1.1.0", consumer="other", response_fields=("201:",)),
        calls.refused(create, None, "shape", "shape-violation", version="1.1.0", consumer="refused"),
    )
    stream.send(IngestService(context, projections()))
    words = ("impact", "changed.json", "--workspace", "workspace")
    status, out = run(*words, "--format", "json")
    (contract,) = json.loads(out)["contracts"]
    reach = {each["operation"]: each for each in contract["reach"]}["purchases.create"]
    assert status == 1
    assert reach["callers"] == ["one", "other"]
    assert [hit["consumer"] for hit in reach["hit"]] == ["one"]
    _, text = run(*words)
    used = "consumers that used this operation in the last 30 days"
    assert f"purchases.create: breaks 1 of the 2 {used}; fields 201:/reference" in text


def test_impact_of_an_object_that_does_not_exist_is_bad_input(run: Run, tmp_path: Path) -> None:
    shutil.copytree(GOOD, tmp_path / "network", ignore=shutil.ignore_patterns("policies"))
    made = json.loads((tmp_path / "network/schemas/purchase/1.0.0.json").read_text())
    (tmp_path / "wrong.json").write_text(json.dumps({**made, "$id": "canonical:purchse@1.1.0"}))
    assert run("impact", "wrong.json", "--workspace", "network")[0] == 2
    (tmp_path / "right.json").write_text(json.dumps({**made, "$id": "canonical:purchase@1.1.0"}))
    assert run("impact", "right.json", "--workspace", "network")[0] == 0
