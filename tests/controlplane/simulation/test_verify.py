"""The comparison, on a small world made by hand in which every account agrees, and then one does not."""

import copy
import json

import msgspec
import pytest

from catalog.measure import Measure
from catalog.record import Entry, Exchange, IntentEntry, ObjectRef
from catalog.slo import HttpSource, LifecycleSource, SloSpec
from catalog.snapshot import sha256_hex
from controlplane.simulation.fault import Fault
from controlplane.simulation.plan import Plan
from controlplane.simulation.verify import Evidence, verify
from controlplane.simulation.verify.evidence import split
from controlplane.simulation.verify.figure import _compare

BODY = sha256_hex(b"body")
SECOND = 1_000_000
RECEIPTS = SloSpec(
    "arrives",
    "Arrives",
    "x",
    "0.99",
    "28d",
    2_419_200,
    LifecycleSource("receipt", "receipt.posted", "receipt.accepted", 10),
)
CHECKS = SloSpec("checks", "Checks", "x", "0.99", "28d", 2_419_200, HttpSource(("dock/post",), 1000))


def record(number, operation, system, event, value, **more):
    fields = {
        "exchange_id": f"{number:032x}",
        "trace_id": f"{number:032x}",
        "span_id": f"{number:016x}",
        "upstream_span_id": f"{number + 500:016x}",
        "parent_span_id": f"{number + 100:016x}",
        "started_us": number * SECOND,
        "duration_us": 2000,
        "upstream_us": 1000,
        "snapshot": "1:000000000000",
        "method": "POST",
        "status": 201,
        "executed": "yes",
        "fault": "none",
        "contract": "dock",
        "operation": operation,
        "system": system,
        "upstream_status": 201,
        "event": event,
        "object": ObjectRef("receipt", "mercy", value),
        "request_sha256": BODY,
    }
    return Exchange(**{**fields, **more})


def stream(records, events=()):
    lines, previous = [], ""
    for one in records:
        bodies = [("exchange", one)]
        if (one.upstream_status or one.exchange_id in events) and not one.is_replay:
            about = {"exchange_id": one.exchange_id, "contract": "", "version": "", "operation": "", "consumer": ""}
            intent = IntentEntry(**about, legal_entity="", system=one.system, request_sha256=BODY)
            bodies.insert(0, ("intent", intent))
        for kind, body in bodies:
            raw = msgspec.Raw(msgspec.json.encode(body))
            lines.append(msgspec.json.encode(Entry(len(lines) + 1, kind, one.started_us, previous, raw)))
            previous = sha256_hex(lines[-1])
    return b"".join(line + b"\n" for line in lines)


def call(one, caller, n, **more):
    fields = {
        "n": n,
        "at_us": one.started_us + one.duration_us,
        "kind": "call",
        "caller": caller,
        "method": one.method,
        "target": "/x",
        "key": f"key-{one.exchange_id}",
        "request_sha256": BODY,
        "trace": one.trace_id,
        "span": one.parent_span_id,
        "exchange": one.exchange_id,
        "status": one.status,
        "code": one.code,
        "error": "",
        "is_sent": True,
        "is_replay": one.is_replay,
        "duration_us": one.duration_us,
        "expect": [201],
        "fault": "",
    }
    return {**fields, **more}


def request(one, n, **more):
    fields = {
        "n": n,
        "at_us": one.started_us,
        "kind": "request",
        "system": one.system,
        "exchange": "",
        "trace": one.trace_id,
        "span": one.upstream_span_id,
        "key": f"key-{one.exchange_id}",
        "method": one.method,
        "target": "/x",
        "request_sha256": BODY,
        "operation": one.operation,
        "status": one.upstream_status,
        "object": ["receipt", one.object.value],
        "effect": True,
        "reference": f"ref-{one.object.value}",
    }
    return {**fields, **more}


def end(n):
    return {"n": n, "at_us": 0, "kind": "end"}


def world(records, good, bad, overdue=()):
    """Accounts that agree: a dock posts receipts, the ERP accepts them; the ledger knows of one lost receipt."""
    clients = [one for one in records if one.operation == "post"]
    systems = [one for one in records if one.operation == "accept"]
    as_of_us = 100 * SECOND
    standing = {"good": good, "bad": bad, "total": good + bad, "open": 0, "as_of_us": as_of_us}
    checks = {"good": len(clients), "bad": 0, "total": len(clients), "open": 0, "as_of_us": as_of_us}
    objects = [{"object": {"type": "receipt", "assigner": "mercy", "value": value}} for value in overdue]
    fault = Fault("lost-0", "lost_receipts", "receiving", 0, 1, objects=tuple(overdue))
    ledger = {"fault": "lost-0", "fault_kind": "lost_receipts", "target": "receiving", "from_us": 0, "to_us": as_of_us}
    lines = stream(records)
    return {
        "plans": (Plan(7, 0, 1, 1, (), (fault,)),),
        "logs": {
            "clients/dock.ndjson": [
                *(call(one, "dock", n) for n, one in enumerate(clients, 1)),
                end(len(clients) + 1),
            ],
            "systems/receiving.ndjson": [
                *(request(one, n) for n, one in enumerate(clients, 1)),
                *(call(one, "receiving", n) for n, one in enumerate(systems, len(clients) + 1)),
                end(len(records) + 1),
            ],
            "systems/erp.ndjson": [*(request(one, n) for n, one in enumerate(systems, 1)), end(len(systems) + 1)],
            "faults.ndjson": [{"n": 1, "at_us": 0, "kind": "fault", "objects": list(overdue), **ledger}, end(2)],
        },
        "gateway": lines,
        "controlplane": lines,
        "figures": {
            "slos": {"items": [{"name": "arrives", **standing}, {"name": "checks", **checks}]},
            "overview": {"figures": [], "as_of_us": as_of_us},
            "objects": {"arrives": {"bad": objects, "open": objects}},
            "attention": {"items": []},
        },
        "slos": {"arrives": RECEIPTS, "checks": CHECKS},
        "measures": {},
    }


RECORDS = [
    record(1, "post", "receiving", "receipt.posted", "GR-1"),
    record(2, "accept", "erp", "receipt.accepted", "GR-1"),
    record(3, "post", "receiving", "receipt.posted", "GR-2"),  # lost
]


def judged(accounts):
    parts = {**accounts, "gateway": split(accounts["gateway"]), "controlplane": split(accounts["controlplane"])}
    return verify(Evidence(**parts))


def unexplained(accounts):
    return {one.kind for one in judged(accounts).differences if not one.is_explained}


@pytest.fixture
def accounts():
    return copy.deepcopy(world(RECORDS, good=1, bad=1, overdue=("GR-2",)))


def test_accounts_that_agree_are_clean(accounts):
    """The one difference there is, is the lost receipt, and the ledger explains it."""
    report = judged(accounts)
    assert [(one.kind, one.explained_by) for one in report.differences] == [("never-finished", "lost-0")]
    assert report.is_clean


@pytest.mark.parametrize(
    ("log", "place", "kind"),
    [
        ("clients/dock.ndjson", 0, "record-without-call"),
        ("systems/receiving.ndjson", 0, "record-without-request"),
        ("systems/receiving.ndjson", 2, "record-without-call"),
        ("systems/erp.ndjson", 0, "executed-without-effect"),
        ("faults.ndjson", 0, "fault-not-recorded"),
        ("faults.ndjson", 0, "never-finished"),
    ],
)
def test_a_missing_log_line_is_found(accounts, log, place, kind):
    """By the gap in its numbers and, apart from that, by what the other accounts say."""
    del accounts["logs"][log][place]
    assert {kind, "log-gap"} <= unexplained(accounts)


@pytest.mark.parametrize("side", ["gateway", "controlplane"])
@pytest.mark.parametrize("place", range(6))
def test_a_missing_stream_line_is_found(accounts, side, place):
    """Wherever it stood; at the end only the other side shows it, since the chain before it is whole."""
    lines = accounts[side].splitlines(keepends=True)
    del lines[place]
    accounts[side] = b"".join(lines)
    assert "stream-differs" in unexplained(accounts)


def test_an_altered_stream_breaks_its_chain(accounts):
    """Also when both sides were altered alike."""
    for side in ("gateway", "controlplane"):
        accounts[side] = accounts[side].replace(b'"status":201', b'"status":202', 1)
    assert {"chain-broken", "status-differs"} <= unexplained(accounts)


@pytest.mark.parametrize(
    ("log", "field", "value", "kind"),
    [
        ("clients/dock.ndjson", "status", 409, "status-differs"),
        ("clients/dock.ndjson", "request_sha256", "0", "request-body-differs"),
        ("clients/dock.ndjson", "exchange", "f" * 32, "answer-without-record"),
        ("clients/dock.ndjson", "is_replay", True, "replay-differs"),
        ("clients/dock.ndjson", "expect", [200], "unexpected-answer"),
        ("systems/receiving.ndjson", "request_sha256", "0", "upstream-body-differs"),
        ("systems/receiving.ndjson", "status", 500, "upstream-status-differs"),
        ("systems/receiving.ndjson", "system", "erp", "system-differs"),
        ("systems/receiving.ndjson", "exchange", "e" * 32, "request-without-record"),
        ("systems/receiving.ndjson", "span", "0" * 16, "request-without-record"),
        ("systems/receiving.ndjson", "trace", "", "request-without-record"),
        ("systems/receiving.ndjson", "effect", False, "executed-without-effect"),
    ],
)
def test_an_account_that_says_otherwise_is_found(accounts, log, field, value, kind):
    """Each field that two sides know of."""
    accounts["logs"][log][0][field] = value
    assert kind in unexplained(accounts)


def test_two_effects_of_one_key_are_found_and_no_fault_explains_them(accounts):
    """Even within the window of a fault of that very system."""
    again = {**accounts["logs"]["systems/erp.ndjson"][0], "n": 3}
    accounts["logs"]["systems/erp.ndjson"].append(again)
    outage = {"fault": "lost-0", "fault_kind": "outage", "target": "erp", "from_us": 0, "to_us": 10**12, "objects": []}
    accounts["logs"]["faults.ndjson"].append({"n": 3, "kind": "fault", "at_us": 0, **outage})
    assert {"executed-twice", "request-twice"} <= unexplained(accounts)


def test_a_caller_that_gave_up_explains_itself(accounts):
    """The record is found by the span that the caller sent; without a record the gap is the gateway's."""
    line = accounts["logs"]["clients/dock.ndjson"][0]
    line.update(exchange="", status=0, error="ReadTimeout")
    report = judged(accounts)
    assert report.is_clean and (report.gave_up, "dock" in report.explained) == ({"dock": 1}, False)
    line["error"] = "RemoteProtocolError"
    assert unexplained(accounts) == {"connection-lost"}
    line["span"] = "0" * 16
    assert {"attempt-without-record", "record-without-call"} <= unexplained(accounts)


@pytest.mark.parametrize(
    ("error", "is_sent", "found"),
    [
        ("PoolTimeout", False, set()),
        ("ConnectTimeout", False, set()),
        ("Cancelled", False, set()),
        ("Cancelled", True, {"attempt-without-record"}),
        ("ReadTimeout", True, {"attempt-without-record"}),
        ("ConnectError", False, {"gateway-unreachable"}),
    ],
)
def test_a_call_that_never_left_needs_no_record(accounts, error, is_sent, found):
    """Where nothing was sent there can be none; that the gateway was away has no explanation, nor has a call that
    left and is on no record."""
    log = accounts["logs"]["clients/dock.ndjson"]
    log[-1]["n"] += 1
    more = {"exchange": "", "status": 0, "error": error, "is_sent": is_sent, "span": "0" * 16}
    log.insert(2, {**log[0], "n": 3, **more})
    assert unexplained(accounts) == found


@pytest.mark.parametrize(
    ("target", "from_us", "is_clean"), [("erp", 0, True), ("receiving", 0, False), ("erp", 50 * SECOND, False)]
)
def test_an_outage_explains_an_unknown_outcome_of_its_system_in_its_time_only(target, from_us, is_clean):
    """Another system's outage, or one at another time, explains nothing."""
    doubtful = msgspec.structs.replace(
        RECORDS[1], executed="unknown", status=504, upstream_status=0, code="in-doubt", event="", duration_us=2 * SECOND
    )
    accounts = world([RECORDS[0], doubtful], good=0, bad=1, overdue=("GR-1",))
    accounts["gateway"] = accounts["controlplane"] = stream([RECORDS[0], doubtful])
    accounts["logs"]["systems/erp.ndjson"][0].update(status=201)
    window = {"from_us": from_us, "to_us": from_us + SECOND * 3}
    fault = {"fault": "lost-0", "fault_kind": "outage", "target": target, "objects": ["GR-1"], **window}
    accounts["logs"]["faults.ndjson"][0].update(fault)
    accounts["plans"] = (Plan(7, 0, 1, 1, (), (Fault("lost-0", "outage", target, 0, 1, objects=("GR-1",)),)),)
    assert judged(accounts).is_clean is is_clean


@pytest.mark.parametrize(("executed", "is_clean"), [("unknown", True), ("yes", False)])
def test_a_look_up_of_the_gateway_needs_a_doubt(executed, is_clean):
    """A request without any caller's trace is explained by an unknown outcome at that system, and by nothing else."""
    doubtful = msgspec.structs.replace(RECORDS[1], executed=executed, status=504, upstream_status=0, event="")
    settled = msgspec.structs.replace(RECORDS[1], is_reconciled=True, upstream_status=201)
    accounts = world([RECORDS[0], RECORDS[1]], good=1, bad=0)
    accounts["gateway"] = accounts["controlplane"] = stream([RECORDS[0], doubtful, settled])
    asked = {"method": "GET", "trace": "", "span": "", "effect": False, "n": 2}
    erp = accounts["logs"]["systems/erp.ndjson"]
    erp[1:] = [{**erp[0], **asked}, end(3)]
    calls = accounts["logs"]["systems/receiving.ndjson"]
    calls[1].update(status=504, expect=[504])
    window = {"fault": "lost-0", "fault_kind": "outage", "target": "erp", "from_us": 0, "to_us": 5 * SECOND}
    accounts["logs"]["faults.ndjson"][0].update(window)
    accounts["plans"] = (Plan(7, 0, 1, 1, (), (Fault("lost-0", "outage", "erp", 0, 1),)),)
    assert judged(accounts).is_clean is is_clean


def test_figures_that_differ_are_found(accounts):
    """An objective or an object behind it that the API tells otherwise."""
    accounts["figures"]["slos"]["items"][0]["good"] = 2
    accounts["figures"]["objects"]["arrives"]["bad"] = []
    assert unexplained(accounts) == {"figure-differs", "objective-object-bad"}


def test_a_lost_receipt_that_nobody_is_shown_is_found(accounts):
    """The fault explains that it never arrived, not that the figures hide it."""
    accounts["figures"]["objects"]["arrives"] = {"bad": [], "open": []}
    assert "never-shown" in unexplained(accounts)


def drifting(kind, shown):
    """The ERP answers receipt 1 not as agreed while a fault of `kind` lasts; `shown` says whether a person is asked."""
    withheld = msgspec.structs.replace(RECORDS[1], status=502, code="response-violation", is_verified=False)
    accounts = world([RECORDS[0], withheld], good=1, bad=0)
    accounts["logs"]["systems/receiving.ndjson"][1].update(expect=[201])
    window = {"fault": "lost-0", "fault_kind": kind, "target": "erp", "from_us": 0, "to_us": 5 * SECOND}
    accounts["logs"]["faults.ndjson"][0].update(window)
    accounts["plans"] = (Plan(7, 0, 1, 1, (), (Fault("lost-0", kind, "erp", 0, 1),)),)
    accounts["figures"]["attention"]["items"] = [{"exchange_id": withheld.exchange_id}] if shown else []
    return accounts


def test_an_answer_kept_back_needs_a_drifted_schema_and_somebody_who_looks():
    """No outage explains it, and what no person is asked about is found."""
    assert judged(drifting("schema_drift", shown=True)).is_clean
    assert unexplained(drifting("outage", shown=True)) == {"answer-withheld", "unexpected-answer"}
    assert unexplained(drifting("schema_drift", shown=False)) == {"withheld-not-shown"}


@pytest.mark.parametrize(("finish_s", "kinds"), [(20, set()), (5, {"lateness-not-shown"})])
def test_what_was_planned_to_be_late_must_be_told_as_late(finish_s, kinds):
    """The plan explains the lateness; a figure that shows none is wrong."""
    finished = msgspec.structs.replace(RECORDS[1], started_us=finish_s * SECOND)
    is_late = finish_s > 11
    accounts = world([RECORDS[0], finished], good=0 if is_late else 1, bad=1 if is_late else 0)
    bad = [{"object": {"type": "receipt", "assigner": "mercy", "value": "GR-1"}}] if is_late else []
    accounts["figures"]["objects"] = {"arrives": {"bad": bad, "open": []}}
    line = {"fault": "lost-0", "fault_kind": "late_payment", "objects": ["GR-1"]}
    accounts["logs"]["faults.ndjson"][0].update(line)
    accounts["plans"] = (
        Plan(7, 0, 1, 1, (), (Fault("lost-0", "late_payment", "receiving", 0, 1, objects=("GR-1",)),)),
    )
    report = judged(accounts)
    assert unexplained(accounts) == kinds
    assert (report.explained == {"lost-0": 1}) is is_late


def test_an_event_ends_at_the_gateway_and_has_its_publisher():
    """It needs no effect at a system; another caller than the record names is found."""
    told = record(4, "tell", "", "receipt.posted", "GR-1", status=202, upstream_status=0, consumer="receiving")
    accounts = world([RECORDS[0], RECORDS[1]], good=1, bad=0)
    accounts["gateway"] = accounts["controlplane"] = stream([*RECORDS[:2], told], events={told.exchange_id})
    log = accounts["logs"]["systems/receiving.ndjson"]
    log[2:] = [call(told, "receiving", 3, expect=[202]), end(4)]
    assert judged(accounts).is_clean
    log[2]["caller"] = "payables"
    assert unexplained(accounts) == {"caller-differs"}


def test_a_delay_is_computed_from_the_milestones(accounts):
    """From posting to acceptance, of those that were accepted; told otherwise, it is found."""
    fields = {"definition": "", "warning_above": 1, "bad_above": 2, "rank": 1, "phrase": {"other": ""}}
    measure = {"id": "lag", "title": "Lag", "kind": "delay", "slo": "arrives", "window_s": 86_400, **fields}
    accounts["measures"] = {"lag": msgspec.convert(measure, Measure)}
    figure = {"id": "lag", "denominator": 1, "value": 1000.0}
    accounts["figures"]["overview"]["figures"] = [figure]
    assert judged(accounts).is_clean
    figure["value"] = 1100.0
    assert unexplained(accounts) == {"figure-differs"}


def test_the_report_is_json(accounts):
    """Everything in it can be written down and read again."""
    report = judged(accounts)
    again = json.loads(msgspec.json.encode(report))
    assert (again["seed"], again["counts"]["effects_receipt"]) == (7, 3)
    assert again["latency_ms"]["p50"] == 2.0


@pytest.mark.parametrize(("told", "is_same"), [(1.3, True), (1.2, True), (1.4, False), (1.1, False)])
def test_a_latency_may_differ_by_its_bucket_and_its_rounding(told, is_same):
    """The log says 1.255 ms; the API answers from buckets, to a tenth."""
    assert (_compare("p95", {"value": 1.255}, {"value": told}) == []) == is_same
    assert _compare("ratio", {"ratio": 0.5}, {"ratio": 0.53}) != []
