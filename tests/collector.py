"""A collector of telemetry on a real socket: takes OTLP over HTTP in protobuf, and may misbehave on demand."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

Manner = Literal["takes", "refuses", "hangs", "breaks"]


class Span:
    """A span as it came, with the resource that it came from."""

    def __init__(self, message: Any, resource: Any, scope: Any) -> None:
        self.name = message.name
        self.kind = message.kind
        self.trace_id = message.trace_id.hex()
        self.span_id = message.span_id.hex()
        self.parent_span_id = message.parent_span_id.hex()
        self.started_ns = message.start_time_unix_nano
        self.ended_ns = message.end_time_unix_nano
        self.status = message.status.code
        self.attributes = attributes(message.attributes)
        self.events = [(event.name, event.time_unix_nano, attributes(event.attributes)) for event in message.events]
        self.links = [(link.trace_id.hex(), link.span_id.hex(), attributes(link.attributes)) for link in message.links]
        self.resource = attributes(resource.resource.attributes)
        self.schema_url = scope.schema_url
        self.scope = (scope.scope.name, scope.scope.version)


class Collector:
    """Keeps what it takes. Everything but `takes` is a way to fail: answers 503 (`refuses`), never answers (`hangs`),
    closes the connection (`breaks`)."""

    def __init__(self) -> None:
        self.manner: Manner = "takes"
        self.spans: list[Span] = []
        self.metrics: list[Any] = []  # ExportMetricsServiceRequest
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.url = ""
        self.released = threading.Event()

    def take(self, path: str, headers: dict[str, str], body: bytes) -> None:
        assert headers["content-type"] == "application/x-protobuf"
        if headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        if path == "/v1/traces":
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                for scope in resource.scope_spans:
                    self.spans += [Span(span, resource, scope) for span in scope.spans]
        elif path == "/v1/metrics":
            self.metrics.append(ExportMetricsServiceRequest.FromString(body))

    def points(self) -> dict[str, list[Any]]:
        """The data points of the last export by metric."""
        return {
            metric.name: list(getattr(metric, metric.WhichOneof("data")).data_points)
            for resource in self.metrics[-1].resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }


@contextmanager
def collector() -> Iterator[Collector]:
    running = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(headers["content-length"]))
            running.requests.append((self.path, headers))
            if running.manner == "hangs":
                running.released.wait(60)
            if running.manner in ("hangs", "breaks"):
                self.close_connection = True
                return
            if running.manner == "takes":
                running.take(self.path, headers, body)
            self.send_response(200 if running.manner == "takes" else 503)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    running.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield running
    finally:
        running.released.set()
        server.shutdown()
        thread.join()
        server.server_close()


def attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(each) for each in value.array_value.values]
    return getattr(value, kind)
