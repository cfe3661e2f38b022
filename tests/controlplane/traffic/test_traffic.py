"""Traffic as it is told: calls, refusals, faults and time by gateway, system and consumer; for whom one may see."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, event

from controlplane.context import Context
from controlplane.ingest.service import IngestService, rebuild
from controlplane.projection import projections
from controlplane.traffic.store import timing_rollup, traffic_rollup
from tests.controlplane.conftest import START_US, Api, is_problem
from tests.controlplane.engine import accesses
from tests.controlplane.journal import T0_US, Calls, S, Stream
from tests.controlplane.workspace import workspace

CREATE = "logistics.parcels/parcels.create"
IN_DOUBT = {"status": 504, "executed": "unknown", "fault": "upstream", "code": "in-doubt"}
BROKEN = {"status": 502, "executed": "no", "fault": "upstream", "code": "upstream-broken"}


@pytest.fixture
def told(context: Context, api: Api) -> Stream:
    """Five calls of two entities by two consumers at two systems, one of each fate."""
    assert api.post("/workspace/apply", {"files": workspace()}).status_code == 200
    calls, other, stream = Calls(T0_US, "main"), Calls(T0_US, "annex"), Stream()
    stream.log(
        calls.make(CREATE, system="depot", consumer="shop", upstream_us=15_000, duration_us=20_000),
        calls.make(CREATE, system="depot", consumer="shop", upstream_us=15_000, duration_us=20_000, **BROKEN),
        calls.refused(CREATE, None, "shape", "shape-violation", system="depot", consumer="shop"),
        calls.make(CREATE, system="depot", consumer="shop", is_replay=True, upstream_us=0),
        other.make(CREATE, system="annex-depot", consumer="stranger", **IN_DOUBT),
    )
    stream.send(IngestService(context, projections()))
    return stream


def read(api: Api, path: str, **query: str) -> dict:
    answer = api.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_calls_are_told_by_their_fate(api: Api, told: Stream) -> None:
    """A refused call and a replayed answer ask no system; a fault of the system is no refusal."""
    document = read(api, "/traffic", window="24h")
    assert document["now"] == {"calls": 5, "refused": 1, "failed": 2}
    assert document["before"] == {"calls": 0, "refused": 0, "failed": 0}
    assert document["in_doubt"] == 1
    assert document["refusals"] == [{"refusal": "shape", "calls": 1}]
    assert document["gateways"] == [{"gateway": "north", "calls": 5, "refused": 1}]
    assert document["operations"] == [
        {"contract": "logistics.parcels", "operation": "parcels.create", "calls": 5, "refused": 1}
    ]
    assert sum(point["calls"] for point in document["points"]) == 5


def test_the_gateways_own_time_is_apart_from_the_systems(api: Api, told: Stream) -> None:
    """15 ms waited and 5 ms of the gateway's own, within the 2 % of the scale."""
    document = read(api, "/traffic")
    assert document["waiting"]["calls"] == document["overhead"]["calls"] == 3
    assert document["waiting"]["p50_us"] == pytest.approx(15_000, rel=0.021)
    assert document["overhead"]["p95_us"] == pytest.approx(5_000, rel=0.021)


def test_systems_are_told_with_what_is_bound_to_them(api: Api, told: Stream) -> None:
    """One in force that nobody called, and one that traffic knows but the workspace does not."""
    items = {item["system"]: item for item in read(api, "/systems")["items"]}
    assert items.keys() == {"depot", "annex-depot"}
    assert (items["depot"]["name"], items["depot"]["contracts"]) == ("Depot", ["logistics.parcels@1"])
    assert {name: items["depot"]["traffic"][name] for name in ("calls", "failed", "in_doubt")} == {
        "calls": 2,
        "failed": 1,
        "in_doubt": 0,
    }
    assert (items["annex-depot"]["name"], items["annex-depot"]["traffic"]["in_doubt"]) == ("", 1)


def test_the_window_before_is_told_beside(api: Api, told: Stream, clock) -> None:
    clock.move(24 * 3600 + 60)
    assert api.enrol()
    document = read(api, "/traffic", window="24h")
    assert (document["now"]["calls"], document["before"]["calls"]) == (0, 5)
    assert [item["traffic"]["calls_before"] for item in read(api, "/systems")["items"]] == [1, 2]


def test_users_of_a_contract_are_those_that_may_and_those_that_did(api: Api, told: Stream) -> None:
    """A consumer seen without a grant is named as such."""
    users = {user["consumer"]: user for user in read(api, "/contracts/logistics.parcels/users")["items"]}
    assert users.keys() == {"shop", "stranger"}
    assert (users["shop"]["is_granted"], users["stranger"]["is_granted"]) == (True, False)
    day = {"version": "1.0.0", "operation": "parcels.create", "calls": 4, "refused": 1, "last_day": "2027-01-15"}
    day |= {"state": "published", "sunset_at": None, "days_to_sunset": None, "successor": None}
    assert users["shop"]["uses"] == [day]


def test_who_acts_for_an_entity_sees_its_traffic_only(api: Api, told: Stream) -> None:
    token = api.token("operator", "annex")
    own = api.call("GET", "/traffic", token=token).json()
    assert (own["now"]["calls"], own["refusals"], own["in_doubt"]) == (1, [], 1)
    systems = api.call("GET", "/systems", token=token).json()["items"]
    assert [(item["system"], item["traffic"]["calls"]) for item in systems] == [("annex-depot", 1), ("depot", 0)]
    users = api.call("GET", "/contracts/logistics.parcels/users", token=token).json()["items"]
    assert [user["consumer"] for user in users] == ["stranger"]
    for path in ("/traffic", "/systems", "/contracts/logistics.parcels/users"):
        assert is_problem(api.call("GET", path, token=token, params={"entity": "main"}), 404, "not-found")


def test_synthetic_history_can_be_left_out(api: Api, context: Context, told: Stream) -> None:
    before = read(api, "/traffic", synthetic="hide")["now"]
    with context.database.write() as connection:
        connection.execute(traffic_rollup.update().values(is_synthetic=True))
        connection.execute(timing_rollup.update().values(is_synthetic=True))
    assert before["calls"] == 5
    hidden = read(api, "/traffic", synthetic="hide")
    assert (hidden["now"]["calls"], hidden["waiting"]["calls"]) == (0, 0)
    assert read(api, "/traffic")["now"]["calls"] == 5


def test_a_call_that_is_settled_later_counts_once(api: Api, context: Context) -> None:
    """The telling in doubt is taken back; a rebuild from the log gives the same."""
    calls, stream = Calls(T0_US, "main"), Stream()
    doubtful = calls.make(CREATE, system="depot", **IN_DOUBT)
    settled = calls.make(CREATE, system="depot", exchange_id=doubtful.exchange_id, at_us=T0_US + S)
    stream.log(doubtful, settled)
    stream.send(IngestService(context, projections()), 1)
    assert read(api, "/traffic")["now"] == {"calls": 1, "refused": 0, "failed": 1}
    stream.send(IngestService(context, projections()))
    now = read(api, "/traffic")
    assert now["now"] == {"calls": 1, "refused": 0, "failed": 0}
    rebuild(context.database, projections())
    assert read(api, "/traffic") == now


def test_no_read_looks_at_the_exchanges_themselves(api: Api, context: Context, told: Stream) -> None:
    """Whatever the pages ask is found by an index, and of exchanges only what is in doubt is read."""
    asked: list[tuple[str, tuple]] = []

    @event.listens_for(context.database.engine, "before_cursor_execute")
    def note(_connection, _cursor, statement, parameters, _context, _is_many) -> None:
        asked.append((statement, parameters))

    of_contract = [f"/contracts/logistics.parcels/{what}" for what in ("users", "fields")]
    for path in ("/traffic", "/systems", *of_contract):
        read(api, path, window="28d")
    event.remove(context.database.engine, "before_cursor_execute", note)
    with context.database.read() as connection:
        assert _scanned(connection, asked) == []


def _scanned(connection: Connection, asked: list[tuple[str, tuple]]) -> list[str]:
    growing = ("exchange", "traffic_rollup", "timing_rollup", "usage_rollup", "call_rollup", "field_usage")
    found = []
    for statement, parameters in asked:
        if not statement.lstrip().upper().startswith("SELECT"):
            continue
        for step in accesses(connection, statement, parameters):
            is_doubt = step.table == "exchange" and step.index == "exchange_in_doubt"
            if step.table in growing and not step.is_search and not is_doubt:
                found.append(statement)
    return found


def test_a_window_that_is_not_offered_is_refused(api: Api) -> None:
    assert is_problem(api.get("/traffic", params={"window": "2y"}), 400, "invalid-request")
    assert START_US == T0_US  # the clock of the application and the calls of these tests begin together
