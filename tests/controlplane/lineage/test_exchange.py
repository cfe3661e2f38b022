"""Exchanges: listed by what went wrong or whom they concern, and one with its place in the stream."""

from __future__ import annotations

import hashlib

import msgspec
import pytest
from sqlalchemy import select

from controlplane.context import Context
from controlplane.ingest.service import IngestService, rebuild
from controlplane.lineage.exchange import IS_FAILED, IS_IN_DOUBT, IS_REFUSED
from controlplane.lineage.store import exchange
from controlplane.projection import projections
from tests.controlplane.conftest import Api, is_problem
from tests.controlplane.engine import accesses, literal, sorts
from tests.controlplane.journal import Calls, Stream, procure_to_pay


@pytest.fixture
def mixed(ingest: IngestService, stream: Stream, calls: Calls) -> Stream:
    """Nine carried out; then refused by rate limit, by the system, unknown route, in doubt, by grace's policy."""
    stream.log(*procure_to_pay(calls))
    invoice = calls.ref("invoice", "INV-7")
    submit = "payables.invoices/invoices.submit"
    stream.log(
        calls.refused(submit, invoice, "rate-limit", "rate-limited", status=429),
        calls.make(submit, "", invoice, "7.00", status=409, executed="no", fault="upstream", upstream_status=409),
        calls.make(
            "/",
            "",
            None,
            status=404,
            executed="no",
            fault="request",
            code="route-unknown",
            consumer="",
            upstream_status=0,
            legal_entity="",
        ),
        calls.make(submit, "", invoice, "7.00", status=504, executed="unknown", fault="upstream", code="in-doubt"),
        Calls(calls.now_us, "grace").refused(submit, None, "scope", "scope-missing", status=403),
    )
    stream.send(ingest)
    return stream


@pytest.mark.parametrize(
    ("query", "codes"),
    [
        ({"refused": "1"}, ["scope-missing", "route-unknown", "", "rate-limited"]),
        ({"refused": "1", "entity": "mercy"}, ["", "rate-limited"]),
        ({"refused": "1", "type": "invoice"}, ["", "rate-limited"]),
        ({"policy": "rate-limit"}, ["rate-limited"]),
        ({"policy": "route-unknown"}, ["route-unknown"]),
        ({"executed": "unknown"}, ["in-doubt"]),
        ({"contract": "finance.payments"}, [""]),
        ({"type": "invoice", "assigner": "mercy", "value": "INV-7"}, ["in-doubt", "", "rate-limited"]),
        ({"limit": "2"}, ["scope-missing", "in-doubt"]),
        ({"consumer": "nobody"}, []),
    ],
)
@pytest.mark.usefixtures("mixed")
def test_exchanges_by_filter_newest_first(api: Api, query: dict[str, str], codes: list[str]) -> None:
    items = api.get("/exchanges", role="viewer", params=query).json()["items"]
    assert [item["code"] for item in items] == codes


@pytest.mark.usefixtures("mixed")
def test_one_exchange_with_its_proof(api: Api, mixed: Stream) -> None:
    """The record as the gateway wrote it; its hash is that of the line, `prev` that of the line before."""
    listed = api.get("/exchanges", params={"policy": "rate-limit"}).json()["items"][0]
    document = api.get(f"/exchanges/{listed['exchange_id']}", role="viewer").json()
    texts = [line[:-1] for line in mixed.lines]
    seq = document["seq"]
    assert document["exchange"] == msgspec.json.decode(texts[seq - 1])["body"]
    assert document["entry_sha256"] == hashlib.sha256(texts[seq - 1]).hexdigest()
    assert document["prev"] == hashlib.sha256(texts[seq - 2]).hexdigest()
    assert (document["stream"], document["is_anchored"]) == (mixed.name, True)
    assert listed["object"] == {"type": "invoice", "assigner": "mercy", "value": "INV-7"}


def test_an_unknown_exchange_is_a_problem(api: Api) -> None:
    assert is_problem(api.get("/exchanges/none"), 404, "not-found")


@pytest.mark.parametrize(
    ("condition", "index"),
    [(IS_REFUSED, "exchange_refused"), (IS_FAILED, "exchange_failed"), (IS_IN_DOUBT, "exchange_in_doubt")],
)
def test_what_went_wrong_is_read_from_its_own_index(context: Context, condition, index: str) -> None:
    """The common exchange, which went well, is never looked at."""
    with context.database.read() as connection:
        query = select(exchange).where(condition).order_by(exchange.c.at_us.desc()).limit(50)
        statement = literal(connection, query)
        assert [step.index for step in accesses(connection, statement)] == [index]
        assert not sorts(connection, statement)


def test_a_gateway_cannot_tell_another_one_s_exchange_anew(
    api: Api, context: Context, ingest: IngestService, mixed: Stream, calls: Calls
) -> None:
    """What a gateway says under a foreign exchange id is an exchange of its own: the first stays, also when rebuilt."""
    exchange_id = api.get("/exchanges", params={"policy": "rate-limit"}).json()["items"][0]["exchange_id"]
    before = api.get(f"/exchanges/{exchange_id}").json()
    forged = calls.make(
        "payables.invoices/invoices.submit",
        "",
        calls.ref("invoice", "INV-8"),
        "123456789.00",
        consumer="ghost",
        exchange_id=exchange_id,
    )
    for name in ("a-gateway/0/1", "z-gateway/0/1"):
        other = Stream(name)
        other.log(forged)
        other.send(ingest)
    other.log(msgspec.structs.replace(forged, consumer="ghost-2"))
    other.send(ingest)
    for _ in range(2):
        assert api.get(f"/exchanges/{exchange_id}").json() == before
        assert len(api.get("/exchanges", params={"policy": "rate-limit"}).json()["items"]) == 1
        told = api.get("/exchanges", params={"type": "invoice", "assigner": "mercy", "value": "INV-8"}).json()["items"]
        assert sorted(item["consumer"] for item in told) == ["ghost", "ghost-2"]
        rebuild(context.database, projections())
