"""Names in exported telemetry: attributes, span events and metrics, each with what it means.

Names of OpenTelemetry's semantic conventions are used as they define them; ours begin with `waybill.`. Everything that
gateway and control plane export is declared here, and nothing else is exported. What an exchange record holds may be
told (business keys of objects among it), with these exceptions: the principal (it may be a person), money, states of
objects, hashes of bodies and of keys. Payloads are not in records, so they are in no telemetry either.

In Prometheus the same names are used as OpenTelemetry's translation gives them: `_` for every other character, the
unit as a suffix, `_total` for counters.

Sources: OpenTelemetry semantic conventions 1.44.0 (HTTP spans and metrics, process, OpenTelemetry SDK metrics);
OpenTelemetry specification, "Prometheus and OpenMetrics Compatibility".
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

SCHEMA_URL = "https://opentelemetry.io/schemas/1.44.0"
SCOPE = "waybill"  # instrumentation scope

#: methods that a telemetry backend may count by; others are told as OTHER_METHOD (semconv, `http.request.method`)
METHODS = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"})
OTHER_METHOD = "_OTHER"

#: bounds of `http.server.request.duration` in microseconds; the conventions give them in seconds
DURATION_BOUNDS_US = (
    *(5_000, 10_000, 25_000, 50_000, 75_000, 100_000, 250_000, 500_000, 750_000),
    *(1_000_000, 2_500_000, 5_000_000, 7_500_000, 10_000_000),
)

ATTRIBUTES: dict[str, str] = {}
EVENTS: dict[str, str] = {}
INSTRUMENTS: dict[str, Instrument] = {}

Kind = Literal["counter", "gauge", "histogram"]
_SUFFIXES = {"s": "_seconds", "By": "_bytes"}


class Instrument(NamedTuple):
    """One metric. `unit` is UCUM (`s`, `By`, `1`, `{exchange}`)."""

    name: str
    kind: Kind
    unit: str
    text: str
    established: str = ""  # name by which every Prometheus client library exports it

    @property
    def prometheus(self) -> str:
        """Name of the metric family in Prometheus' text format."""
        if self.established:
            return self.established
        suffix = _SUFFIXES.get(self.unit, "_ratio" if self.unit == "1" and self.kind == "gauge" else "")
        name = label(self.name)
        name = name if name.endswith(suffix) else name + suffix
        return f"{name}_total" if self.kind == "counter" else name


def label(attribute: str) -> str:
    """Prometheus' label name of an attribute."""
    return re.sub(r"[^a-zA-Z0-9]", "_", attribute)


def method_of(method: str) -> str:
    """`http.request.method` for a request's method."""
    return method if method in METHODS else OTHER_METHOD


def _attribute(name: str, text: str) -> str:
    ATTRIBUTES[name] = text
    return name


def _event(name: str, text: str) -> str:
    EVENTS[name] = text
    return name


def _instrument(name: str, kind: Kind, unit: str, text: str, established: str = "") -> Instrument:
    INSTRUMENTS[name] = Instrument(name, kind, unit, text, established)
    return INSTRUMENTS[name]


# attributes of the resource
SERVICE_NAME = _attribute("service.name", "waybill-gateway or waybill-controlplane")
SERVICE_INSTANCE_ID = _attribute("service.instance.id", "the gateway's id and slot; the control plane's id")
SERVICE_VERSION = _attribute("service.version", "version of Waybill")

# attributes of the semantic conventions
HTTP_REQUEST_METHOD = _attribute("http.request.method", "method, _OTHER for one that is in no standard")
HTTP_REQUEST_METHOD_ORIGINAL = _attribute("http.request.method_original", "the method that is _OTHER")
HTTP_REQUEST_RESEND_COUNT = _attribute("http.request.resend_count", "calls beyond the first, all of them in this span")
HTTP_RESPONSE_STATUS_CODE = _attribute("http.response.status_code", "status answered; 499: the client had gone")
HTTP_ROUTE = _attribute("http.route", "base path and path template; the path itself is in no record")
URL_SCHEME = _attribute("url.scheme", "http or https")
SERVER_ADDRESS = _attribute("server.address", "host of the system's base URL")
SERVER_PORT = _attribute("server.port", "port of the system's base URL")
ERROR_TYPE = _attribute("error.type", "code of the problem, or the status when there is none")
CPU_MODE = _attribute("cpu.mode", "user or system")
PROCESS_RUNTIME_VERSION = _attribute("process.runtime.version", "version of Python")

# attributes of ours
EXCHANGE_ID = _attribute("waybill.exchange.id", "id of the exchange, as in the Waybill-Exchange header")
FIRST_EXCHANGE_ID = _attribute("waybill.exchange.first_id", "of a replay: the exchange that executed")
CONTRACT = _attribute("waybill.contract", "name of the contract")
CONTRACT_VERSION = _attribute("waybill.contract.version", "its version")
OPERATION = _attribute("waybill.operation", "operationId")
LAYER = _attribute("waybill.layer", "experience, process or system")
PRIORITY = _attribute("waybill.priority", "critical, standard or bulk")
CONSUMER = _attribute("waybill.consumer", "id of the client system")
LEGAL_ENTITY = _attribute("waybill.legal_entity", "id of the legal entity")
SYSTEM = _attribute("waybill.system", "id of the system")
SNAPSHOT = _attribute("waybill.snapshot", "generation and beginning of the hash of what ran")
EXECUTED = _attribute("waybill.executed", "yes, no or unknown")
FAULT = _attribute("waybill.fault", "whose: request, response, policy, upstream or gateway")
CODE = _attribute("waybill.code", "code of the problem answered")
REFUSED_BY = _attribute("waybill.refused_by", "policy that refused")
RECOVERED = _attribute("waybill.recovered", "true: told by a successor, the process had died before it could")
RECONCILED = _attribute("waybill.reconciled", "true: the outcome was in doubt and the system told it")
EVENT = _attribute("waybill.event", "business event that the exchange meant")
OBJECT_TYPE = _attribute("waybill.object.type", "type of the business object")
OBJECT_ASSIGNER = _attribute("waybill.object.assigner", "legal entity or system that gave the key")
OBJECT_KEY = _attribute("waybill.object.key", "business key, as the record has it")
LINK_RELATION = _attribute("waybill.link.relation", "what the linked exchange's object is: same, or the flow relation")
LINK_ROLE = _attribute("waybill.link.role", "which exchange of that object: the first or the last before this one")
COMMIT_US = _attribute("waybill.commit.duration_us", "time spent waiting for durable commits, microseconds")
POLICY = _attribute("waybill.policy", "name of the policy")
DECISION_KIND = _attribute("waybill.decision.kind", "reject, hold, flag or error")
DECISION_MODE = _attribute("waybill.decision.mode", "enforce or shadow")
DECISION_CODE = _attribute("waybill.decision.code", "reason")
DECISION_POINTERS = _attribute("waybill.decision.pointers", "where; never values")
GATEWAY = _attribute("waybill.gateway", "id of a gateway")
SLOT = _attribute("waybill.slot", "number of a process among those of its gateway; only in Prometheus")
SLO = _attribute("waybill.slo", "name of the SLO")
SLO_STATE = _attribute("waybill.slo.state", "state of the SLO")

# events of spans
DECISION = _event(
    "waybill.decision", "what a policy decided; its time is that of the answer, since records have no other"
)

# metrics of the semantic conventions
SERVER_DURATION = _instrument("http.server.request.duration", "histogram", "s", "Duration of HTTP server requests")
CPU_TIME = _instrument("process.cpu.time", "counter", "s", "CPU time of the process", "process_cpu_seconds_total")
MEMORY = _instrument("process.memory.usage", "gauge", "By", "Physical memory in use", "process_resident_memory_bytes")
OPEN_FILES = _instrument(
    "process.unix.file_descriptor.count", "gauge", "{file_descriptor}", "Open file descriptors", "process_open_fds"
)
STARTED = _instrument(
    "waybill.process.start_time", "gauge", "s", "When the process began, since the epoch", "process_start_time_seconds"
)
SPANS_EXPORTED = _instrument(
    "otel.sdk.exporter.span.exported", "counter", "{span}", "Spans exported, or not, and then with error.type"
)
POINTS_EXPORTED = _instrument(
    "otel.sdk.exporter.metric_data_point.exported", "counter", "{data_point}", "Data points exported, or not"
)

# metrics of both servers
BUILD = _instrument("waybill.build.info", "gauge", "", "Always 1; its attributes tell what runs")

# metrics of a gateway
EXCHANGES = _instrument("waybill.exchanges", "counter", "{exchange}", "Exchanges by operation, status and effect")
REFUSALS = _instrument("waybill.refusals", "counter", "{decision}", "Decisions that refused, or would have in shadow")
EDGE_REFUSALS = _instrument(
    "waybill.edge.refusals", "counter", "{request}", "Requests refused before a contract was looked for"
)
OVERHEAD = _instrument(
    "waybill.gateway.overhead", "histogram", "s", "The gateway's own time, waits for its disk included"
)
UPSTREAM = _instrument("waybill.upstream.duration", "histogram", "s", "Time spent waiting for systems")
IN_FLIGHT = _instrument("waybill.gateway.in_flight", "gauge", "{exchange}", "Exchanges being worked on")
SNAPSHOT_GENERATION = _instrument(
    "waybill.snapshot.generation", "gauge", "{generation}", "Newest generation known here; 0: none"
)
SNAPSHOT_SWAPS = _instrument("waybill.snapshot.swaps", "counter", "{swap}", "Snapshots taken into use")
RECORDS_DROPPED = _instrument(
    "waybill.records.dropped", "counter", "{record}", "Records that found the journal's queue full"
)
BACKLOG = _instrument("waybill.backlog", "gauge", "By", "Journal that the control plane does not have yet")
PROCESS_UP = _instrument(
    "waybill.gateway.process.up", "gauge", "", "1 when the process of the slot answers; 0: its metrics are not told"
)
SHIPPING_HALTED = _instrument(
    "waybill.shipping.halted", "gauge", "", "1 when the control plane refuses what is shipped and a person must look"
)
COMPILED_SCHEMA_BYTES = _instrument(
    "waybill.schemas.compiled", "gauge", "By", "Text of the schemas that are compiled now; the least used go first"
)
SCHEMA_COMPILATIONS = _instrument(
    "waybill.schema.compilations", "counter", "{schema}", "Schemas compiled, each on its first use"
)
KEY_SETS_OVERDUE = _instrument(
    "waybill.key_sets.overdue", "gauge", "{issuer}", "Issuers whose keys are due and could not be fetched"
)
KEY_SETS_MISSING = _instrument(
    "waybill.key_sets.missing", "gauge", "{issuer}", "Issuers without keys that count: their tokens are answered 503"
)
KEY_SET_FAILURES = _instrument(
    "waybill.key_set.failures", "counter", "{fetch}", "Fetches of issuers' keys that came to nothing"
)
QUEUE = _instrument("waybill.telemetry.queue", "gauge", "{exchange}", "Exchanges that wait to be exported as spans")
QUEUE_CAPACITY = _instrument("waybill.telemetry.queue.capacity", "gauge", "{exchange}", "The most that may wait")
DROPPED = _instrument(
    "waybill.telemetry.dropped", "counter", "{exchange}", "Exchanges whose spans found the queue full"
)

# metrics of the control plane
GATEWAY_SILENCE = _instrument("waybill.gateway.silence", "gauge", "s", "Time since a gateway was last heard of")
GATEWAY_GENERATION = _instrument("waybill.gateway.generation", "gauge", "{generation}", "What a gateway runs")
INGEST_LAG = _instrument(
    "waybill.ingest.lag", "gauge", "s", "Age of the newest record when it was received, the worst of a gateway's slots"
)
ATTENTION_OPEN = _instrument("waybill.attention.open", "gauge", "{item}", "Things that wait for a person")
APPROVALS_OVERDUE = _instrument(
    "waybill.approvals.overdue",
    "gauge",
    "{proposal}",
    "Proposals left unanswered for too long",
)
COMMANDS_UNACKNOWLEDGED = _instrument(
    "waybill.commands.unacknowledged", "gauge", "{command}", "Commands that no gateway has acknowledged"
)
SLO_BUDGET_LEFT = _instrument("waybill.slo.budget.left", "gauge", "1", "Share of the error budget that is left")
SLO_STANDING = _instrument("waybill.slo.standing", "gauge", "", "1 for the state that an SLO is in")
