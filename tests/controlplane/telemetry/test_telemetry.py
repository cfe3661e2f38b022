"""The control plane's metrics, traces and log lines."""

from __future__ import annotations

import json
import sys
import time
from contextlib import contextmanager
from dataclasses import replace

import httpx
import pytest

from catalog import conventions as names
from catalog.errors import Invalid
from controlplane.ingest.service import IngestService
from controlplane.process import Process
from controlplane.projection import projections
from controlplane.settings import Settings
from controlplane.telemetry.otlp import Instrumentation
from tests import exposition
from tests.collector import collector
from tests.controlplane.conftest import Api
from tests.controlplane.journal import Calls, Stream, receipt_slo, validation_slo
from tests.controlplane.publication import put_in_force

QUEUE = "otel.sdk.processor.span.queue.capacity"
PARENT = f"00-{'f' * 32}-{'d' * 16}-01"


@contextmanager
def serving(directory, *options, **env):
    argv = [sys.executable, "-m", "controlplane", "serve", "--data-dir", str(directory / "data"), *options]
    ready_file = directory / "ready.json"
    argv += ["--ready-file", str(ready_file), "--admin-token-file", str(directory / "admin-token")]
    process = Process.start("control plane", argv, directory / "serve.log", ready_file, env).wait_ready(60)
    try:
        yield process
    finally:
        process.stop()


def told(sink):
    """Names of all metrics that came."""
    return {
        metric.name
        for export in list(sink.metrics)
        for resource in export.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }


def until(condition, timeout_s=15.0):
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.02)


def test_metrics_by_a_strict_reader(api: Api) -> None:
    """Everything that the store and the process tell, in a format without a flaw, under declared names."""
    put_in_force(api.context, [receipt_slo()])
    gateway = api.enrol()["gateway"]
    families = exposition.read(api.client.get("/metrics").text)
    assert set(families) <= {it.prometheus for it in names.INSTRUMENTS.values()}
    for it in (names.BUILD, names.CPU_TIME, names.MEMORY, names.OPEN_FILES, names.STARTED, names.ATTENTION_OPEN):
        assert families[it.prometheus].samples, it.name
    silence = names.GATEWAY_SILENCE.prometheus
    assert families[silence].samples == {(silence, (("waybill_gateway", gateway),)): 0}
    standing = names.SLO_STANDING.prometheus
    labels = (("waybill_slo", "receipt-reaches-erp"), ("waybill_slo_state", "no_data"))
    assert families[standing].samples == {(standing, labels): 1}


def test_lag_is_the_worst_of_what_lives(api: Api, clock) -> None:
    """Per gateway over the newest stream of each of its slots; ended lives, and slots long silent, do not count."""
    late = {"north/0/1": 500, "north/0/2": 3, "north/1/10": 7, "north/1/9": 90, "south/0/1": 2, "south/1/1": 1}
    calls, ingest = Calls(), IngestService(api.context, projections())
    for name, lag_s in late.items():
        stream = Stream(name)
        told_us = clock.now_us - lag_s * 1_000_000
        stream.write(calls.make("a.b/c", at_us=told_us), told_us)
        stream.send(ingest)

    def lags():
        family = exposition.read(api.client.get("/metrics").text)[names.INGEST_LAG.prometheus]
        return {dict(labels)["waybill_gateway"]: lag_s for (_, labels), lag_s in family.samples.items()}

    assert lags() == {"north": 7, "south": 2}
    clock.move(3_601)
    assert lags() == {}


def test_budget_left(api: Api, clock) -> None:
    """One of a thousand validations failed: of a budget of one in a hundred nine tenths are left."""
    put_in_force(api.context, [validation_slo("0.99", "28d")])
    gateway = api.enrol()
    calls, stream = Calls(clock.now_us), Stream(f"{gateway['gateway']}/0/1")
    operation = "procurement.requisitions/requisitions.validate"
    stream.log(*(calls.make(operation, status=200) for _ in range(999)))
    stream.log(calls.make(operation, status=502, fault="upstream"))
    stream.send(IngestService(api.context, projections()))
    clock.move(1_060)
    assert api.call("GET", "/commands", token=gateway["credential"]).status_code == 200  # it lives
    family = exposition.read(api.client.get("/metrics").text)[names.SLO_BUDGET_LEFT.prometheus]
    assert list(family.samples.values()) == [pytest.approx(0.9)]


def test_requests_are_traced_and_measured(tmp_path) -> None:
    """A request's span continues the caller's trace, under the route and not the path; durations and the exporter's
    own figures come as metrics."""
    options = ("--otlp-metric-interval-s", "0.2", "--otlp-endpoint")
    with collector() as sink, serving(tmp_path, *options, sink.url) as process:
        token = (tmp_path / "admin-token").read_text()
        headers = {"authorization": f"Bearer {token}", "traceparent": PARENT}
        assert httpx.get(f"{process.url}/api/v1/slos/no-such/objects", headers=headers).status_code == 404
        assert httpx.get(f"{process.url}/nowhere").status_code == 404
        families = exposition.read(httpx.get(f"{process.url}/metrics").text)
        until(lambda: {names.SERVER_DURATION.name, QUEUE} <= told(sink))
        assert process.stop() == 0
    (span,) = [span for span in sink.spans if span.parent_span_id]
    assert (span.trace_id, span.parent_span_id, span.kind, span.status) == ("f" * 32, "d" * 16, 2, 0)
    assert span.name == "GET /api/v1/slos/{name}/objects"
    assert span.attributes == {
        names.HTTP_REQUEST_METHOD: "GET",
        names.URL_SCHEME: "http",
        names.HTTP_ROUTE: "/api/v1/slos/{name}/objects",
        names.HTTP_RESPONSE_STATUS_CODE: 404,
    }
    assert span.resource[names.SERVICE_NAME] == "waybill-controlplane"
    assert "GET" in {span.name for span in sink.spans}  # the path that no route has
    durations = families[names.SERVER_DURATION.prometheus].samples
    assert sum(value for (name, _), value in durations.items() if name.endswith("_count")) == 2
    assert "otel_sdk_processor_span_queue_capacity" in families
    assert {names.ATTENTION_OPEN.name, "otel.sdk.exporter.metric_data_point.exported"} <= told(sink)


def test_a_server_that_exports_starts_no_process(tmp_path) -> None:
    """OpenTelemetry's providers hook into forks, which then can hang: none follows them in the life of a server."""
    watch = "import sys\nsys.addaudithook(lambda event, _: event in %r and print(event, file=sys.stderr, flush=True))\n"
    starts = ("os.fork", "os.forkpty", "os.posix_spawn", "subprocess.Popen", "os.system")
    (tmp_path / "sitecustomize.py").write_text(watch % (starts,) + "import subprocess\nsubprocess.run(['true'])\n")
    with collector() as sink:
        options = ("--otlp-endpoint", sink.url, "--otlp-metric-interval-s", "0.2")
        with serving(tmp_path, *options, PYTHONPATH=str(tmp_path)) as process:
            token = (tmp_path / "admin-token").read_text().strip()
            for path in ("/metrics", "/readyz", "/api/v1/slos", "/api/v1/gateways", "/nowhere"):
                httpx.get(f"{process.url}{path}", headers={"authorization": f"Bearer {token}"})
            until(lambda: sink.metrics and sink.spans)
            assert process.stop() == 0
    lines = (tmp_path / "serve.log").read_text().splitlines()
    assert [line for line in lines if line in starts] == ["subprocess.Popen"]  # the one that shows that it is watched


@pytest.mark.parametrize("manner", ["hangs", "refuses"])
def test_a_bad_collector_stops_nobody(tmp_path, manner) -> None:
    """Requests go on, what metrics are lost is counted, and the stop stays within five seconds."""

    def lost():
        name = "otel_sdk_exporter_metric_data_point_exported_total"
        families = exposition.read(httpx.get(f"{process.url}/metrics").text)
        samples = families[name].samples if name in families else {}
        return sum(value for (_, labels), value in samples.items() if "error_type" in dict(labels))

    with collector() as sink:
        sink.manner = manner
        environment = {"OTEL_EXPORTER_OTLP_TIMEOUT": "1"}
        options = ("--otlp-endpoint", sink.url, "--otlp-metric-interval-s", "0.2")
        with serving(tmp_path, *options, **environment) as process:
            until(lambda: sink.requests)
            until(lost)
            for _ in range(30):
                assert httpx.get(f"{process.url}/readyz").status_code == 200
            started_s = time.monotonic()
            assert process.stop() == 0
            assert time.monotonic() - started_s < 5
    assert "Traceback" not in (tmp_path / "serve.log").read_text()


def test_log_lines_are_json(tmp_path) -> None:
    """Whatever logs, the framework too; what goes wrong in a request names its trace and tells no value."""
    with serving(tmp_path, "--log-format", "json") as process:
        token = (tmp_path / "admin-token").read_text()
        (tmp_path / "data" / "controlplane.sqlite3").unlink()
        headers = {"authorization": f"Bearer {token}", "traceparent": PARENT}
        assert httpx.get(f"{process.url}/api/v1/slos", headers=headers).status_code in (200, 500, 503)
        assert process.stop() == 0
    text = (tmp_path / "serve.log").read_text()
    lines = [json.loads(line) for line in text.splitlines() if not line.startswith("control plane at ")]
    assert all({"time", "level", "logger", "message"} <= set(line) for line in lines)
    assert token.strip() not in text


@pytest.mark.parametrize("endpoint", ["collector:4318", "http://", "http://127.0.0.1:x", "ftp://127.0.0.1"])
def test_what_is_no_endpoint(context, tmp_path, endpoint) -> None:
    """One message that names the option."""
    with pytest.raises(Invalid, match="--otlp-endpoint must be a base URL"):
        Instrumentation(replace(context, settings=Settings(tmp_path, otlp_endpoint=endpoint)))
