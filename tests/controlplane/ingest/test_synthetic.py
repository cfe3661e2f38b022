"""Synthetic history: comes like real traffic, is marked wherever it is read, and can be left out to the last digit."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
import pytest

from catalog.record import Exchange
from catalog.synthetic import Batch, batches, is_name, unevaluated
from controlplane.audit import StreamHead, verify_stream
from controlplane.context import Context
from controlplane.ingest.service import IngestService, rebuild
from controlplane.projection import projections
from tests.controlplane.conftest import START_US, Api, is_problem
from tests.controlplane.journal import DAY_S, Calls, S, Stream, procure_to_pay, receipt_slo, validation_slo
from tests.controlplane.overview.test_overview import library_measures
from tests.controlplane.publication import put_in_force

NAME = "synthetic/1/1"
DAYS = 60


def history(numbers: range = range(1, 31)) -> list[Exchange]:
    """One order with all that follows, every other day, from 60 days ago; the keys are those of real orders too."""
    told: list[Exchange] = []
    for number in numbers:
        calls = Calls(START_US - (DAYS - 2 * number) * DAY_S * S - 3_600 * S)
        told += procure_to_pay(calls, number)
    return sorted(told, key=lambda exchange: exchange.started_us)


def send(api: Api, batch: Batch, name: str = NAME) -> Any:
    asked = {"stream": name, "first": batch.first, "last": batch.last}
    return api.call("POST", "/synthetic-streams/entries", params=asked, content=batch.lines)


def backfill(api: Api, told: list[Exchange], name: str = NAME) -> None:
    assert api.post("/synthetic-streams", {"stream": name}).status_code == 201
    for batch in batches(told, 50):
        assert send(api, batch, name).json() == {"last": batch.last}
    assert api.post("/synthetic-streams/close", {"stream": name}).json()["is_closed"]


def real(context: Context) -> None:
    """Three orders of today."""
    stream, calls = Stream(), Calls(START_US - 600 * S)
    for number in range(1, 4):
        stream.log(*procure_to_pay(calls, number))
    stream.log(calls.refused("payables.invoices/invoices.submit", calls.ref("invoice", "INV-9"), "shape", "invalid"))
    stream.send(IngestService(context, projections()))


ASKED: dict[str, dict[str, Any]] = {
    "/overview": {},
    "/slos": {},
    "/slos/receipt-reaches-erp/objects": {"state": "open"},
    "/trends": {"measure": "requisition-validation-p95"},
    "/trends#slo": {"slo": "receipt-reaches-erp"},
    "/slo-trends": {},
    "/lineage/search": {"q": "RC-"},
    "/lineage/chain": {"type": "payment", "assigner": "mercy", "value": "PAY-2"},
    "/exchanges": {"limit": 500},
    "/exchanges#type": {"type": "invoice", "assigner": "mercy", "value": "INV-2"},
}


def answers(api: Api, synthetic: str, paths: Iterable[str] = tuple(ASKED)) -> dict[str, Any]:
    """All that can be read, without the remark that there is synthetic history."""
    found = {}
    for path in paths:
        answer = api.get(path.split("#")[0], params={**ASKED[path], "synthetic": synthetic})
        assert answer.status_code == 200, answer.text
        found[path] = {name: value for name, value in answer.json().items() if name != "has_synthetic"}
    return found


@pytest.fixture
def objectives(context: Context) -> None:
    put_in_force(context, [receipt_slo(), validation_slo()], library_measures())


@pytest.mark.usefixtures("objectives")
@pytest.mark.parametrize("has_real", [True, False])
def test_hidden_it_leaves_what_would_be_without_it(api: Api, context: Context, has_real: bool) -> None:
    """The same keys, contracts and days as real traffic: every answer is as if it had never come, and rebuilt from the
    log too; so is the answer to whoever asks while there is nothing else."""
    if has_real:
        real(context)
    assert api.get("/overview").json()["has_synthetic"] is False
    before = answers(api, "show", [path for path in ASKED if has_real or path != "/lineage/chain"])
    backfill(api, history())
    hidden, shown = answers(api, "hide", list(before)), answers(api, "show", list(before))
    assert hidden == before != shown
    rebuild(context.database, projections())
    assert (answers(api, "hide", list(before)), answers(api, "show", list(before))) == (hidden, shown)
    assert api.get("/overview", params={"synthetic": "hide"}).json()["has_synthetic"] is True


@pytest.mark.usefixtures("objectives")
def test_sixty_days_back_it_counts_where_it_happened(api: Api) -> None:
    """28 days of an objective hold the second half of the history, and no more."""
    backfill(api, history())
    (standing,) = [item for item in api.get("/slos").json()["items"] if item["name"] == "receipt-reaches-erp"]
    assert (standing["good"], standing["bad"], standing["open"]) == (2 * 14, 0, 0)
    assert standing["state"] == "ok"
    (nothing,) = [
        item
        for item in api.get("/slos", params={"synthetic": "hide"}).json()["items"]
        if item["name"] == "receipt-reaches-erp"
    ]
    assert (nothing["total"], nothing["state"]) == (0, "no_data")


def test_what_is_read_says_what_it_is(api: Api, context: Context) -> None:
    """Chains of the real object first; of one that history alone knows, marked; and one exchange says it too."""
    backfill(api, history())
    real(context)
    asked = {"type": "payment", "assigner": "mercy", "value": "PAY-2"}
    assert api.get("/lineage/chain", params=asked).json()["is_synthetic"] is False
    invented = {**asked, "value": "PAY-20"}
    chain = api.get("/lineage/chain", params=invented).json()
    assert (chain["is_synthetic"], chain["has_synthetic"], len(chain["events"])) == (True, True, 9)
    assert is_problem(api.get("/lineage/chain", params={**invented, "synthetic": "hide"}), 404, "not-found")
    marks = [item["is_synthetic"] for item in api.get("/lineage/search", params={"q": "PAY-2"}).json()["items"]]
    assert sorted(marks) == [False, *[True] * 11]
    detail = api.get(f"/exchanges/{chain['events'][0]['exchange_id']}").json()
    assert detail["is_synthetic"] is True
    assert detail["exchange"]["decisions"] == [{"policy": "*", "kind": "not_evaluated"}]
    assert detail["exchange"]["snapshot"] == ""


def test_only_registered_streams_of_that_name_take_entries_until_they_are_closed(api: Api) -> None:
    (batch,) = batches(history(range(1, 2)))
    assert is_problem(send(api, batch), 404, "not-found")
    for name in ("north/0/1", "synthetic", "synthetic/1", "synthetic/1/1/1", "synthetic/a b/1", "Synthetic/1/1"):
        assert not is_name(name)
        assert is_problem(api.post("/synthetic-streams", {"stream": name}), 422, "invalid")
    assert api.post("/synthetic-streams", {"stream": NAME}).status_code == 201
    assert is_problem(api.post("/synthetic-streams", {"stream": NAME}), 409, "conflict")
    assert send(api, batch).status_code == 200
    assert is_problem(send(api, batch), 409, "unexpected-entry")
    assert api.post("/synthetic-streams/close", {"stream": NAME}).status_code == 200
    assert is_problem(api.post("/synthetic-streams/close", {"stream": NAME}), 409, "conflict")
    assert is_problem(send(api, Batch(10, 10, b"{}\n")), 409, "conflict")
    acts = api.get("/audit", params={"target": NAME}).json()["items"]
    assert [act["what"] for act in acts] == ["synthetic.closed", "synthetic.registered"]


def test_no_gateway_writes_it_and_it_writes_no_gateway_s(api: Api) -> None:
    gateway = api.enrol()
    api.post("/synthetic-streams", {"stream": NAME})
    (batch,) = batches(history(range(1, 2)))
    asked = {"stream": NAME, "first": 1, "last": 9}
    refused = api.call("POST", "/ingest", token=gateway["credential"], params=asked, content=batch.lines)
    assert is_problem(refused, 403, "forbidden")
    assert is_problem(send(api, batch, f"{gateway['gateway']}/0/1"), 404, "not-found")


def test_a_verdict_cannot_be_invented(api: Api) -> None:
    """A record that names a snapshot, a decision or a refusing policy is refused with the whole batch."""
    told = history(range(1, 2))
    api.post("/synthetic-streams", {"stream": NAME})
    for changes in (
        {"snapshot": "1:0123456789ab"},
        {"refused_by": "rate-limit"},
        {"decisions": ()},
        {
            "decisions": (
                msgspec.convert({"policy": "scope", "kind": "allow"}, type(unevaluated(told[0]).decisions[0])),
            )
        },
    ):
        stream = Stream(NAME)
        stream.log(*map(unevaluated, told[:3]), msgspec.structs.replace(unevaluated(told[3]), **changes))
        answer = send(api, Batch(1, 4, b"".join(stream.lines)))
        assert is_problem(answer, 422, "invalid")
        assert answer.json()["problems"][0]["pointer"] == "/4"
    stream = Stream(NAME)
    stream.write(b'{"command_id":"c","result":"done"}', START_US, kind="ack")
    assert is_problem(send(api, Batch(1, 1, b"".join(stream.lines))), 422, "invalid")
    assert api.get("/exchanges").json()["items"] == []


def test_its_chain_is_anchored_like_any_other(api: Api) -> None:
    backfill(api, history(range(1, 4)))
    (view,) = api.get("/streams").json()
    assert (view["is_synthetic"], view["is_closed"], view["lag_us"]) == (True, True, 0)
    lines = api.get("/streams/entries", params={"stream": NAME}).content.splitlines()
    verdict = verify_stream(msgspec.convert(view, StreamHead), lines, api.context.keys.public_key)
    assert (verdict.is_intact, verdict.anchored) == (True, 27)


def test_the_watermark_does_not_wait_for_it(api: Api, clock) -> None:
    """History is complete when it is closed: figures are as of now, or of what the gateways have told."""
    backfill(api, history(range(1, 4)))
    clock.move(3_600)
    overview = api.get("/overview").json()
    assert (overview["as_of_us"], overview["is_stale"]) == (clock.now_us, False)
