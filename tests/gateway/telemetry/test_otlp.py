"""A gateway's telemetry as a collector gets it: whole traces, chains across traces, what a hanging collector costs."""

import asyncio
import contextlib
import itertools
import os
import signal
import time

import httpx
import pytest

from catalog import conventions as names
from catalog.errors import Invalid
from gateway.telemetry.otlp import OtlpSettings, attach, header_secrets
from tests import collector as collecting
from tests import exposition
from tests.collector import collector
from tests.gateway.rig import ORDER_BODY, answers, api_key, consumer, content, rig
from tests.gateway.telemetry.sample import EXCHANGE
from tests.gateway.telemetry.snapshot import REFUSED, WRITTEN
from tests.gateway.test_main import host
from tests.gateway.test_reconcile import http
from tests.gateway.test_supervisor import children

POST = "/buying/v1/orders"
CHAIN = ("requisition", "purchase_order", "receipt", "invoice", "payment")


def counted_ids():
    numbers = itertools.count(1)

    def ids(size):
        number = next(numbers)
        text = f"{number:032x}b{number:015x}a{number:031x}c{number:015x}"
        assert len(text) == 2 * size
        return text

    return ids


def stepped_ns():
    steps = itertools.count(0, 1_000_000)
    return lambda: next(steps)


@contextlib.asynccontextmanager
async def exporting(tmp_path, sink, **settings):
    still = {"ids": counted_ids(), "clock": lambda: 1_800_000_000.0, "monotonic_ns": stepped_ns()}
    async with rig(tmp_path, **still) as gateway, exporting_to(sink, gateway, **settings):
        yield gateway


@contextlib.asynccontextmanager
async def exporting_to(sink, gateway, **settings):
    wanted = OtlpSettings(sink.url, {"x-tenant": "tenant"}, **settings)
    exporter = attach(wanted, gateway.app, gateway.store, {"tenant": "t-1"}, "gw-1/0", "http")
    exporter.start()
    try:
        yield exporter
    finally:
        await asyncio.to_thread(exporter.stop, 10)


def shown(span):
    """Everything about a span that was exported."""
    return {
        "name": span.name,
        "kind": span.kind,
        "trace": span.trace_id,
        "span": span.span_id,
        "parent": span.parent_span_id,
        "start_us": span.started_ns // 1000 - 1_800_000_000_000_000,
        "end_us": span.ended_ns // 1000 - 1_800_000_000_000_000,
        "status": span.status,
        "attributes": {name: value for name, value in span.attributes.items() if name != names.SNAPSHOT},
        "events": [(name, attributes) for name, _, attributes in span.events],
        "links": span.links,
    }


def test_a_whole_trace(tmp_path):
    """A write: the server span, the call to the system that its traceparent named, with every name of the
    conventions; resource and headers of the collector beside them."""

    async def go(sink):
        async with exporting(tmp_path, sink) as gateway:
            parent = {"traceparent": f"00-{'f' * 32}-{'d' * 16}-01"}
            answer = await gateway.call("POST", POST, ORDER_BODY, headers={"Idempotency-Key": "k"} | parent)
            assert answer.status == 201
            return dict(gateway.system.calls[0]["headers"])[b"traceparent"].decode(), answer.header("traceparent")

    with collector() as sink:
        told_to_system, told_to_client = asyncio.run(go(sink))
    assert [shown(span) for span in sink.spans] == WRITTEN
    server, client = sink.spans
    assert told_to_system == f"00-{'f' * 32}-{client.span_id}-01"
    assert told_to_client == f"00-{'f' * 32}-{server.span_id}-01"
    assert (
        server.resource.items()
        >= {
            names.SERVICE_NAME: "waybill-gateway",
            names.SERVICE_INSTANCE_ID: "gw-1/0",
        }.items()
    )
    assert (server.schema_url, server.scope[0]) == ("https://opentelemetry.io/schemas/1.44.0", "waybill")
    assert sink.requests[0][1]["x-tenant"] == "t-1"


def test_a_refused_call(tmp_path):
    """One span, unset status, the refusal as an event with pointers and without values."""

    async def go(sink):
        async with exporting(tmp_path, sink, sample_ratio=0.0) as gateway:
            await gateway.call("POST", POST, ORDER_BODY, headers={"Idempotency-Key": "k"})  # not sampled
            body = ORDER_BODY | {"total": "free of charge"}
            answer = await gateway.call("POST", POST, body, headers={"Idempotency-Key": "k-2"})
            assert answer.status == 422
            assert answer.header("traceparent").endswith("-02")

    with collector() as sink:
        asyncio.run(go(sink))
    assert [shown(span) for span in sink.spans] == REFUSED


def test_only_declared_names(tmp_path):
    """Every attribute, event and metric that leaves the gateway is in `catalog.conventions`."""

    async def go(sink):
        async with exporting(tmp_path, sink, interval_s=0.05) as gateway:
            await gateway.call("POST", POST, ORDER_BODY, headers={"Idempotency-Key": "k"})
            await gateway.call("POST", POST, {}, headers={"Idempotency-Key": "k-2"})
            await gateway.call("BREW", "/nowhere")

    with collector() as sink:
        asyncio.run(go(sink))
    for span in sink.spans:
        assert set(span.attributes) <= set(names.ATTRIBUTES)
        for name, _, attributes in span.events:
            assert name in names.EVENTS
            assert set(attributes) <= set(names.ATTRIBUTES)
        for _, _, attributes in span.links:
            assert set(attributes) <= set(names.ATTRIBUTES)
    for name, points in sink.points().items():
        assert name in names.INSTRUMENTS
        for point in points:
            assert {pair.key for pair in point.attributes} <= set(names.ATTRIBUTES)


def test_metrics(tmp_path):
    """Durations in seconds with the conventions' buckets; overhead, refusals, what runs and how much it uses."""

    async def go(sink):
        async with exporting(tmp_path, sink) as gateway:
            await gateway.call("POST", POST, ORDER_BODY, headers={"Idempotency-Key": "k"})
            await gateway.call("POST", POST, {}, headers={"Idempotency-Key": "k-2"})
            return (await gateway.call("GET", "/metrics", key=None)).body.decode()

    with collector() as sink:
        text = asyncio.run(go(sink))
    points = sink.points()
    durations = {point.attributes[2].value.int_value: point for point in points[names.SERVER_DURATION.name]}
    assert set(durations) == {201, 422}
    bounds = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
    assert list(durations[201].explicit_bounds) == bounds
    assert durations[201].count == sum(durations[201].bucket_counts) == 1
    assert durations[201].start_time_unix_nano < durations[201].time_unix_nano
    for instrument in (names.OVERHEAD, names.REFUSALS, names.IN_FLIGHT, names.BUILD, names.CPU_TIME, names.QUEUE):
        assert instrument.name in points
    families = exposition.read(text)
    assert {it.prometheus for it in names.INSTRUMENTS.values() if it.name in points} <= set(families)


def test_two_problems_with_one_status(tmp_path):
    """They are one series of durations, for Prometheus as for the collector; what 5xx were is told apart."""

    async def go(sink):
        async with exporting(tmp_path, sink) as gateway:
            await gateway.call("POST", POST, ORDER_BODY, headers={"Idempotency-Key": "k"})
            reused = await gateway.call("POST", POST, ORDER_BODY | {"note": "n"}, headers={"Idempotency-Key": "k"})
            malformed = await gateway.call("POST", POST, {}, headers={"Idempotency-Key": "k-2"})
            assert (reused.status, malformed.status) == (422, 422)
            assert reused.json()["code"] != malformed.json()["code"]
            return (await gateway.call("GET", "/metrics", key=None)).body.decode()

    with collector() as sink:
        text = asyncio.run(go(sink))
    samples = exposition.read(text)[names.SERVER_DURATION.prometheus].samples
    counts = {dict(labels)["http_response_status_code"]: n for (name, labels), n in samples.items() if "_count" in name}
    assert counts == {"201": 1, "422": 2}
    assert sorted(point.count for point in sink.points()[names.SERVER_DURATION.name]) == [1, 2]


def test_every_process_exports_for_itself(tmp_path, postgres):
    """The supervisor forks without a thread or a provider of OpenTelemetry's beside it, also when a child has died;
    each child, the new one too, tells of itself."""
    watch = (
        "import sys, threading\n"
        "sys.addaudithook(lambda event, _: event == 'os.fork' and print('fork', threading.active_count(),"
        "'opentelemetry.sdk.metrics._internal.export' in sys.modules and any(type(it).__name__ == 'MeterProvider'"
        " for it in __import__('gc').get_objects()), file=sys.stderr, flush=True))\n"
    )
    (tmp_path / "sitecustomize.py").write_text(watch)

    def instances(sink):
        found = [resource.resource for export in list(sink.metrics) for resource in export.resource_metrics]
        ids = [collecting.attributes(it.attributes)[names.SERVICE_INSTANCE_ID].rsplit("/", 1)[1] for it in found]
        return {slot: ids.count(slot) for slot in ids}

    async def go(sink):
        options = ("--processes", "2", "--otlp-endpoint", sink.url, "--otlp-metric-interval-s", "0.2")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PYTHONPATH", str(tmp_path))
            async with host(tmp_path) as it:
                it.publish()
                await it.start("--state-url", postgres.database(), *options)
                await it.until(lambda: set(instances(sink)) == {"0", "1"})
                for pid in children(it.child.pid):
                    os.kill(pid, signal.SIGKILL)
                await it.until(lambda: it.log.read_text().count("fork ") == 4)
                before = instances(sink)
                await it.until(lambda: all(instances(sink)[slot] > before[slot] + 1 for slot in before), 30)
                assert await it.stop() == 0
        return [line for line in it.log.read_text().splitlines() if line.startswith("fork ")]

    with collector() as sink:
        assert asyncio.run(go(sink)) == ["fork 1 False"] * 4


def chain_document():
    """Five writes, each of an object that follows from the one before."""
    body = {"type": "object", "properties": {name: {"type": "string"} for name in ("legal_entity", "of")}}
    stored = {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}}
    paths = {}
    for before, name in zip((None, *CHAIN), CHAIN, strict=False):
        extension = {
            "object": name,
            "id": "$response.body#/id",
            "event": f"{name}.created",
            "legal_entity": "$request.body#/legal_entity",
            "idempotency": "optional",
        }
        if before is not None:
            extension["links"] = [{"object": before, "id": "$request.body#/of", "relation": "follows"}]
        paths[f"/{name}"] = {
            "post": {
                "operationId": f"{name}.create",
                "security": [{"waybill": ["write"]}],
                "requestBody": {"required": True, "content": content(body)},
                "responses": answers("201", stored),
                "x-waybill": extension,
            }
        }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Chain", "version": "1.0.0"},
        "paths": paths,
        "components": {"securitySchemes": {"waybill": {"type": "apiKey", "in": "header", "name": "X-API-Key"}}},
    }


CHAIN_FILES = {
    "contracts__buying__chain__contract": {
        "contract": "buying.chain",
        "title": "Chain",
        "owner": "buying",
        "steward": "buying",
        "domain": "buying",
        "base_path": "/chain/v{major}",
        "versions": {"1.0.0": {"state": "published"}},
    },
    "contracts__buying__chain__1.0.0__openapi": chain_document(),
    "bindings__chain": [{"contract": "buying.chain", "major": 1, "entity": "north", "system": "erp"}],
    "consumers__ap": consumer("ap", ["north"], ["read", "write"])
    | {"contracts": {"buying.orders": ["read", "write"], "buying.chain": ["write"]}},
}


async def post(it, name, before):
    it.erp.post_answer = http(201, {"id": f"{name}-1"})
    body = {"legal_entity": "north"} | ({"of": f"{before}-1"} if before else {})
    async with httpx.AsyncClient(timeout=10) as client:
        answer = await client.post(f"{it.url}/chain/v1/{name}", json=body, headers={"x-api-key": api_key("ap")})
    assert answer.status_code == 201, answer.text


def test_a_chain_across_traces_and_a_restart(tmp_path):
    """Requisition, order, receipt, invoice and payment come in traces of their own; from the payment's span the links
    lead back to the requisition's, also over a restart of the gateway, which remembers nothing but its store."""

    async def go(sink):
        async with host(tmp_path) as it:
            it.publish(**CHAIN_FILES)
            for before, name in zip((None, *CHAIN), CHAIN, strict=False):
                if name in ("requisition", "invoice"):
                    await it.stop()
                    await it.start("--otlp-endpoint", sink.url)
                await post(it, name, before)
            assert await it.stop() == 0

    with collector() as sink:
        asyncio.run(go(sink))
    servers = {span.attributes[names.OBJECT_TYPE]: span for span in sink.spans if span.kind == 2}
    assert len({span.trace_id for span in servers.values()}) == len(CHAIN)
    for before, name in itertools.pairwise(CHAIN):
        linked = {(trace, span): attributes for trace, span, attributes in servers[name].links}
        assert linked[servers[before].trace_id, servers[before].span_id] == {
            names.LINK_RELATION: "follows",
            names.LINK_ROLE: "first",
            names.OBJECT_TYPE: before,
            names.OBJECT_ASSIGNER: "north",
            names.OBJECT_KEY: f"{before}-1",
        }


@pytest.mark.parametrize("manner", ["hangs", "refuses", "breaks"])
def test_a_bad_collector_stops_nobody(tmp_path, manner):
    """Calls are answered, the queue keeps its bound, what did not fit is counted, and the stop stays within five
    seconds. With a collector that takes everything nothing else differs."""

    async def go(sink):
        async with host(tmp_path) as it:
            it.publish()
            it.erp.post_answer = http(201, {"id": "PO-1", "status": {"order": "open"}})
            await it.start("--otlp-endpoint", sink.url, "--otlp-queue", "10", "--otlp-metric-interval-s", "0.2")
            for number in range(5):
                assert (await it.create(f"a-{number}")).status_code == 201
            await it.until(lambda: sink.requests)
            for number in range(40):
                assert (await it.create(f"b-{number}")).status_code == 201
            families = exposition.read((await it.get("/metrics")).text)
            started_s = time.monotonic()
            assert await it.stop() == 0
            assert time.monotonic() - started_s < 5
            assert len([entry for entry in it.double.entries if entry.kind == "exchange"]) == 45
            return families

    with collector() as sink:
        sink.manner = manner
        families = asyncio.run(go(sink))

    def value(instrument):
        return families[instrument.prometheus].samples[instrument.prometheus, ()]

    assert value(names.QUEUE) <= value(names.QUEUE_CAPACITY) == 10
    if manner == "hangs":
        assert value(names.DROPPED) >= 40 - 10
    assert "Traceback" not in (tmp_path / "gateway.log").read_text()


@pytest.mark.parametrize("signal", ["traces", "metrics"])
def test_one_signal_only(tmp_path, signal, monkeypatch):
    """The variable of one signal is an endpoint for that one; the other goes nowhere."""

    async def go(sink):
        monkeypatch.setenv(f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT", f"{sink.url}/v1/{signal}")
        async with rig(tmp_path) as gateway:
            exporter = attach(OtlpSettings(interval_s=0.05), gateway.app, gateway.store, {}, "gw-1/0", "http")
            exporter.start()
            await gateway.call("POST", POST, ORDER_BODY, headers={"Idempotency-Key": "k"})
            exporter.offer_late(EXCHANGE, is_settlement=False)
            await asyncio.to_thread(exporter.stop, 10)
            (waiting,) = [family for family in exporter.families() if family.instrument is names.QUEUE]
            assert waiting.samples == [({}, 0)]

    with collector() as sink:
        asyncio.run(go(sink))
    assert {path for path, _ in sink.requests} == {f"/v1/{signal}"}
    assert bool(sink.spans) is (signal == "traces")


def test_nothing_without_an_endpoint(tmp_path, monkeypatch):
    """No exporter, no thread, nobody to tell; the standard variable is an endpoint too, and can be switched off."""
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)

    async def go():
        async with rig(tmp_path) as gateway:
            assert attach(OtlpSettings(), gateway.app, gateway.store, {}, "gw-1/0", "http") is None
            assert gateway.app.observe is None

    asyncio.run(go())
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    assert OtlpSettings().is_wanted
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert not OtlpSettings("http://127.0.0.1:9").is_wanted


@pytest.mark.parametrize(
    ("endpoint", "headers", "said"),
    [
        ("collector:4318", "", "--otlp-endpoint must be a base URL"),
        ("http://", "", "--otlp-endpoint must be a base URL"),
        ("http://127.0.0.1:x", "", "--otlp-endpoint must be a base URL"),
        ("http://127.0.0.1:9?a=b", "", "--otlp-endpoint must be a base URL"),
        ("http://127.0.0.1:9", "authorization=token", "names the secret 'token'"),
        ("http://127.0.0.1:9", "Bearer abc", "values stay in the secrets file"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, endpoint, headers, said):
    """One message that names the option; a secret that was given by mistake is not repeated."""

    async def go():
        async with rig(tmp_path) as gateway:
            attach(OtlpSettings(endpoint, header_secrets(headers)), gateway.app, gateway.store, {}, "gw", "http")

    with pytest.raises(Invalid, match=said) as raised:
        asyncio.run(go())
    assert "abc" not in str(raised.value)


def test_log_lines_are_json(tmp_path):
    """Every line of a gateway's life, its libraries' too; none tells a secret."""
    import json

    async def go():
        async with host(tmp_path) as it:
            it.publish()
            await it.start("--log-format", "json", "--log-level", "debug")
            await it.create()
            assert await it.stop() == 0

    asyncio.run(go())
    text = (tmp_path / "gateway.log").read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    assert all({"time", "level", "logger", "message"} <= set(line) for line in lines)
    assert any(line["message"].startswith("ready: generation") for line in lines)
    assert api_key("ap") not in text
    assert "p" * 32 not in text
    assert os.linesep not in lines[0]["message"]
