"""Gateways that end, change their credential, belong to groups, or cannot ship."""

from __future__ import annotations

from sqlalchemy import select

from catalog.record import AckEntry
from controlplane.act.store import act
from controlplane.gateways.service import acknowledge, queue
from controlplane.gateways.store import command
from controlplane.slo.watermark import read_watermark
from tests.controlplane.conftest import START_US, is_problem
from tests.controlplane.journal import Stream


def listed(api, gateway_id: str) -> dict:
    return next(each for each in api.get("/gateways").json()["items"] if each["gateway"] == gateway_id)


def watermark(context):
    with context.database.read() as connection:
        return read_watermark(connection, context.clock())


def carried_out(context, gateway_id: str, command_id: str, detail: str = "", result: str = "done") -> None:
    with context.database.write() as connection:
        acknowledge(connection, gateway_id, AckEntry(command_id, result, detail), context.clock())


def ingest(api, gateway, name: str, lines: bytes, first: int = 1, last: int = 1):
    query = {"stream": name, "first": first, "last": last}
    return api.call("POST", "/ingest", token=gateway["credential"], params=query, content=lines)


def lines(name: str) -> bytes:
    """The first entry of a stream, committed when the clock starts."""
    return Stream(name).write(AckEntry("c-0", "done"), START_US, "ack") + b"\n"


def test_a_revoked_gateway_is_refused_everywhere(api, context) -> None:
    """By its id or its name; everything it asks is 401 from then on, and the act is kept with who did it."""
    one, other = api.enrol("north"), api.enrol("south")
    answer = api.post("/gateways/north/revoke", None, role="architect")
    assert (answer.status_code, answer.json()["gateway"]) == (200, one["gateway"])
    for method, path in (("GET", "/snapshot"), ("GET", "/commands"), ("POST", "/ingest?stream=a/0/1&first=1&last=1")):
        assert is_problem(api.call(method, path, token=one["credential"]), 401, "unauthorized")
    assert api.get("/commands", token=other["credential"]).status_code == 200
    shown = listed(api, one["gateway"])
    assert (shown["state"], shown["is_stale"], shown["revoked_by"]) == ("revoked", False, "architect")
    assert listed(api, other["gateway"])["state"] == "enrolled"
    with context.database.read() as connection:
        assert (
            connection.execute(select(act.c.target).where(act.c.what == "gateway.revoked")).scalar() == one["gateway"]
        )
    assert is_problem(api.post("/gateways/north/revoke", None), 404, "not-found")
    assert is_problem(api.post("/gateways/south/revoke", None, role="operator"), 403, "forbidden")


def test_a_name_of_several_gateways_must_be_an_id(api) -> None:
    one, other = api.enrol("north"), api.enrol("north")
    refused = api.post("/gateways/north/revoke", None)
    assert is_problem(refused, 409, "conflict") and one["gateway"] in refused.json()["detail"]
    assert api.post(f"/gateways/{one['gateway']}/revoke", None).status_code == 200
    assert api.post("/gateways/north/revoke", None).json()["gateway"] == other["gateway"]


def test_figures_do_not_wait_for_a_revoked_gateway(api, context, clock) -> None:
    """Its streams are closed; what it told stays."""
    silent, alive = api.enrol("silent"), api.enrol("alive")
    name = f"{silent['gateway']}/0/1"
    assert ingest(api, silent, name, lines(name)).status_code == 200
    clock.move(600)
    api.get("/commands", token=alive["credential"])
    assert watermark(context).silent == (silent["gateway"],)
    api.post("/gateways/silent/revoke", None)
    assert not watermark(context).is_stale
    assert watermark(context).as_of_us > clock() - 5_000_000
    [stream] = api.get("/streams").json()
    assert (stream["stream"], stream["last"], stream["is_closed"]) == (name, 1, True)


def test_what_a_revoked_gateway_was_to_do_is_dropped(api, context) -> None:
    """And nothing new is queued for it."""
    gateway_id = api.enrol("north")["gateway"]
    with context.database.write() as connection:
        queue(connection, gateway_id, "c-1", "settle_attention", {}, "somebody", context.clock())
    assert api.post("/gateways/north/revoke", None).json()["commands_dropped"] == 1
    with context.database.read() as connection:
        row = connection.execute(select(command)).one()
    assert (row.result, row.detail) == ("refused", "the gateway was revoked")


def test_a_credential_is_replaced_without_a_gap(api, context) -> None:
    """Both count until the gateway says that it has the new one; then the old one ends."""
    gateway = api.enrol("north")
    old = gateway["credential"]
    assert is_problem(api.post("/gateways/credential", None, token=old), 409, "conflict")
    asked = api.post("/gateways/north/rotate", None, role="architect")
    assert asked.status_code == 202
    [told] = api.get("/commands", token=old).json()["commands"]
    assert (told["kind"], told["command_id"]) == ("renew_credential", asked.json()["command_id"])
    assert is_problem(api.post("/gateways/north/rotate", None), 409, "conflict")
    lost = api.post("/gateways/credential", None, token=old).json()["credential"]
    new = api.post("/gateways/credential", None, token=old).json()["credential"]
    for each in (old, lost, new):
        assert api.get("/commands", token=each).status_code == 200
    carried_out(context, gateway["gateway"], told["command_id"], detail=new.split("_")[1])
    assert api.get("/commands", token=new).json()["commands"] == []
    for each in (old, lost):
        assert is_problem(api.get("/commands", token=each), 401, "unauthorized")
    assert is_problem(api.post("/gateways/credential", None, token=new), 409, "conflict")


def test_a_gateway_that_cannot_renew_keeps_its_credential(api, context) -> None:
    gateway = api.enrol("north")
    command_id = api.post("/gateways/north/rotate", None).json()["command_id"]
    carried_out(context, gateway["gateway"], command_id, "the disk is full", "refused")
    assert api.get("/commands", token=gateway["credential"]).status_code == 200


def test_halted_shipping_is_listed_until_it_goes_on(api) -> None:
    gateway = api.enrol("north")
    name = f"{gateway['gateway']}/0/1"
    told = {"stream": name, "reason": "the control plane refuses entries 1 to 9"}
    for _ in range(2):
        assert api.post("/gateways/shipping", told, token=gateway["credential"]).status_code == 204
    assert listed(api, gateway["gateway"])["halted"] == {name: told["reason"]}
    assert ingest(api, gateway, name, lines(name)).status_code == 200
    assert listed(api, gateway["gateway"])["halted"] == {}
    other = {"stream": f"{api.enrol('south')['gateway']}/0/1", "reason": "no"}
    assert is_problem(api.post("/gateways/shipping", other, token=gateway["credential"]), 403, "forbidden")


def enrol_into(api, group: str, name: str) -> dict:
    token = api.post("/enrolments", {"name": name, "group": group}).json()["token"]
    return api.post("/gateways/enrol", {"token": token}, role=None).json()


def test_gateways_of_a_group_ship_each_other_s_streams(api) -> None:
    """The stream stays its owner's; gateways of other groups, and of none, may not touch it."""
    one, two = enrol_into(api, "east", "one"), enrol_into(api, "east", "two")
    assert (one["group"], one["pepper"]) == ("east", two["pepper"])
    name = f"{one['gateway']}/0/1"
    for stranger in (enrol_into(api, "west", "three"), api.enrol("four")):
        assert is_problem(ingest(api, stranger, name, lines(name)), 403, "forbidden")
    assert ingest(api, two, name, lines(name)).status_code == 200
    assert listed(api, one["gateway"])["streams"] == {name: 1}
    assert listed(api, two["gateway"])["streams"] == {}
    alone, other = api.enrol("alone"), api.enrol("other")
    name = f"{alone['gateway']}/0/1"
    assert is_problem(ingest(api, other, name, lines(name)), 403, "forbidden")
    assert is_problem(api.post("/enrolments", {"name": "x", "group": "No/Group"}), 400, "invalid-request")
