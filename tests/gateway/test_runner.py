"""The chain through the ASGI interface: what is let through, what is refused and how, and what the journal says."""

from __future__ import annotations

import asyncio
import json

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.forward import outcome_of
from gateway.upstream import UpstreamBroken, UpstreamUnreachable
from tests.gateway.rig import ORDER_BODY, SECRETS, api_key, orders_document, rig, workspace_files

POST = "/buying/v1/orders"
KEY = {"Idempotency-Key": "k-1"}
MARK = "MARK-5f1c"  # put into payloads; may never leave them


def run(path, scenario, files=None, **more):
    """Run `scenario(gateway)` and give its result with the exchange records."""

    async def go():
        async with rig(path, files, **more) as gateway:
            result = await scenario(gateway)
            records = await gateway.entries()
            assert MARK.encode() not in await gateway.journal()
            return result, records

    return asyncio.run(go())


def refused(path, scenario, status, code, files=None, calls=0, **more):
    """Run a call that must be refused before the system is called; (answer, its record)."""

    async def go(gateway):
        answer = await scenario(gateway)
        assert len(gateway.system.calls) == calls
        return answer

    answer, records = run(path, go, files, **more)
    assert (status, code) == (answer.status, answer.json()["code"])
    assert answer.header("content-type") == "application/problem+json"
    assert len(records) == 1
    assert records[0]["exchange_id"] == answer.header("waybill-exchange")
    assert (status, code) == (records[0]["status"], records[0]["code"])
    assert MARK not in answer.body.decode()
    return answer, records[0]


# ---- a call that goes through


def test_a_write_goes_through_and_is_journalled(tmp_path):
    """A valid order reaches the system once; the record says who, what, how much and that it was executed."""

    async def go(gateway):
        answer = await gateway.call("POST", POST, ORDER_BODY, headers=KEY)
        return answer, gateway.system.calls, await gateway.entries("intent"), await gateway.entries("outcome")

    (answer, calls, intents, outcomes), records = run(tmp_path, go)
    assert answer.status == 201
    assert [call["target"] for call in calls] == [b"/orders"]
    assert json.loads(calls[0]["body"]) == ORDER_BODY
    record = records[0]
    assert len(records) == len(intents) == len(outcomes) == 1
    assert (record["executed"], record["event"]) == ("yes", "order.created")
    assert record["object"] == {"type": "order", "assigner": "north", "value": "PO-1"}
    assert record["amount"] == {"amount": "120.50", "currency": "USD"}
    assert record["occurred_at"] == "2026-03-01"
    assert record["status_axes"] == {"order": "open"}
    assert [link["target"]["assigner"] for link in record["links"]] == ["north", "master"]
    assert intents[0]["exchange_id"] == outcomes[0]["exchange_id"] == record["exchange_id"]


def test_every_answer_names_its_exchange_and_its_quota(tmp_path):
    """Answers carry Waybill-Exchange, traceparent and, on success too, the rate limit headers of draft 11."""

    async def go(gateway):
        return await gateway.call("POST", POST, ORDER_BODY, headers=KEY)

    answer, records = run(tmp_path, go)
    assert answer.header("waybill-exchange") == records[0]["exchange_id"]
    assert answer.header("traceparent").split("-")[1] == records[0]["trace_id"]
    limits = [value for name, value in answer.headers if name == b"ratelimit"]
    assert limits == [b'"coarse";r=59999;t=1', b'"operation";r=29999;t=1']
    assert answer.header("content-length") == str(len(answer.body))


def test_the_client_s_credentials_and_hops_end_here(tmp_path):
    """No credential of the client and no hop-by-hop header reaches the system, whose own credential is added."""
    headers = [
        ("Connection", "keep-alive, X-Hop"),
        ("X-Hop", "1"),
        ("TE", "trailers"),
        ("Keep-Alive", "5"),
        ("Proxy-Authorization", "Basic x"),
        ("Accept-Encoding", "gzip"),
        ("Via", "1.0 front"),
        ("X-Kept", "yes"),
        ("Cookie", "session=1"),
        ("Idempotency-Key", "k-1"),
    ]

    async def go(gateway):
        gateway.system.respond = lambda call: (
            201,
            {"id": "PO-1", "status": {}},
            [
                (b"connection", b"x-inner"),
                (b"x-inner", b"1"),
                (b"via", b"1.1 inner"),
                (b"x-out", b"1"),
                (b"set-cookie", b"session=2"),
            ],
        )
        answer = await gateway.call("POST", POST, ORDER_BODY, headers=headers)
        return answer, dict(gateway.system.calls[0]["headers"])

    (answer, sent), _ = run(tmp_path, go)
    assert sent[b"authorization"] == f"Bearer {SECRETS['erp-token']}".encode()
    assert sent[b"x-kept"] == b"yes"
    assert sent[b"accept-encoding"] == b"identity"
    assert sent[b"via"] == b"1.0 front, 1.1 waybill"
    gone = {b"x-api-key", b"connection", b"x-hop", b"te", b"keep-alive", b"proxy-authorization", b"host", b"cookie"}
    assert gone & sent.keys() == set()
    assert answer.header("via") == "1.1 inner, 1.1 waybill"
    assert answer.header("x-out") == "1"
    assert answer.header("x-inner") is None
    assert answer.header("set-cookie") is None


@pytest.mark.parametrize(
    "named",
    [
        *("Content-Type", "content-length", "Idempotency-Key", "Authorization", "X-API-KEY", "traceparent", "Host"),
        *("close, waybill-legal-entity", "keep-alive,X-Mode ,te", "Waybill-Exchange"),
    ],
)
def test_connection_must_not_name_what_the_call_is_judged_by(tmp_path, named):
    """What `Connection` names would be judged here and then not reach the system: such a call is refused."""
    document = orders_document()
    document["paths"]["/orders"]["post"]["parameters"] = [{"name": "X-Mode", "in": "header", "schema": {}}]
    files = workspace_files()
    files["contracts/buying/orders/1.0.0/openapi.yaml"] = json.dumps(document).encode()
    headers = [("Connection", "keep-alive"), ("Connection", named), ("X-Mode", "draft"), *KEY.items()]
    answer, _ = refused(
        tmp_path, lambda g: g.call("POST", POST, ORDER_BODY, headers=headers), 400, "connection-ambiguous", files
    )
    assert answer.json()["executed"] == "no"


@pytest.mark.parametrize("header", ["X-Service-Token", "X_Service.Token"])
def test_no_alias_of_the_gateway_s_credential_reaches_the_system(tmp_path, header):
    """Names that a system may read as its credential's are dropped; other names with such characters pass."""
    credential = {"secret": "erp-token", "header": header, "prefix": ""}
    system = yaml.safe_load(workspace_files()["systems/erp.yaml"]) | {"credential": credential}
    names = ["X-Service-Token", "X_Service_Token", "X.Service.Token", "x-service_token", "X~Service!Token"]

    async def go(gateway):
        sent = [(name, MARK) for name in names] + [("X_Other.Name", "kept")]
        await gateway.call("POST", POST, ORDER_BODY, headers=[*sent, ("Idempotency-Key", "k-1")])
        return gateway.system.calls[0]["headers"]

    headers, _ = run(tmp_path, go, workspace_files(systems__erp=system))
    found = {name: value for name, value in headers if b"token" in name or b"other" in name}
    assert found == {header.lower().encode(): SECRETS["erp-token"].encode(), b"x_other.name": b"kept"}
    assert MARK.encode() not in [value for _, value in headers]


def test_trace_context_is_continued_or_restarted(tmp_path):
    """A valid traceparent goes on with our span and its tracestate; an invalid one starts a new trace without it."""
    trace = "0af7651916cd43dd8448eb211c80319c"

    async def go(gateway):
        for parent in (f"00-{trace}-b7ad6b7169203331-01", "00-zz-b7ad6b7169203331-01"):
            headers = {"traceparent": parent, "tracestate": "a=1", "Idempotency-Key": parent}
            await gateway.call("POST", POST, ORDER_BODY, headers=headers)
        return [dict(call["headers"]) for call in gateway.system.calls]

    (kept, restarted), records = run(tmp_path, go)
    assert kept[b"traceparent"] == f"00-{trace}-{records[0]['upstream_span_id']}-01".encode()
    assert kept[b"tracestate"] == b"a=1"
    assert records[0]["parent_span_id"] == "b7ad6b7169203331"
    assert trace.encode() not in restarted[b"traceparent"]
    assert b"tracestate" not in restarted


# ---- the route


def test_unknown_paths_and_methods(tmp_path):
    """404 and 405 are exchanges too; 405 and OPTIONS list the methods."""

    async def go(gateway):
        return [
            await gateway.call("GET", "/buying/v2/orders"),
            await gateway.call("DELETE", POST),
            await gateway.call("OPTIONS", POST, key=None),
        ]

    (missing, wrong, options), records = run(tmp_path, go)
    assert (missing.status, missing.json()["code"]) == (404, "route-unknown")
    assert (wrong.status, wrong.json()["code"]) == (405, "method-unknown")
    assert wrong.header("allow") == options.header("allow") == "GET, HEAD, OPTIONS, POST"
    assert (options.status, options.body) == (204, b"")
    assert [record["status"] for record in records] == [404, 405, 204]


def test_head_asks_the_system_with_head(tmp_path):
    """HEAD on a GET operation is governed alike; its length is the system's."""

    async def go(gateway):
        gateway.system.respond = lambda call: (200, b"", [(b"content-length", b"77")])
        answer = await gateway.call("HEAD", f"{POST}?legal_entity=north")
        return answer, gateway.system.calls[0]["method"]

    (answer, method), records = run(tmp_path, go)
    assert (answer.status, method, records[0]["method"]) == (200, b"HEAD", "HEAD")
    assert (b"content-length", b"77") in answer.headers


# ---- who calls


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-API-Key": "wbk_ap------_" + "A" * 43},
        {"X-API-Key": "wbk_unknown-_" + "A" * 43},
        {"X-API-Key": "nonsense"},
        {"Authorization": "Basic YTpi"},
        {"Authorization": "Bearer a.b.c"},
    ],
)
def test_nobody_is_let_in(tmp_path, headers):
    """Without a valid credential the answer is 401 with a challenge, and the record knows no consumer."""
    answer, record = refused(
        tmp_path, lambda g: g.call("POST", POST, ORDER_BODY, key=None, headers=headers), 401, "unauthenticated"
    )
    assert answer.header("www-authenticate")
    assert "consumer" not in record


def test_two_credentials_are_ambiguous(tmp_path):
    """A key beside a token is refused even if one of them is valid."""
    refused(
        tmp_path,
        lambda g: g.call("POST", POST, ORDER_BODY, headers={"Authorization": "Bearer x.y.z"}),
        400,
        "credential-ambiguous",
    )


@pytest.mark.parametrize("consumer", ["reader", "stranger"])
def test_scopes_are_asked_for(tmp_path, consumer):
    """A consumer without the scope, or without the contract, gets 403 and the durable record says which policy."""
    _, record = refused(
        tmp_path, lambda g: g.call("POST", POST, ORDER_BODY, key=consumer, headers=KEY), 403, "scope-missing"
    )
    assert record["refused_by"] == "scope"


# ---- the body


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"", {}, 400, "body-missing"),
        (b"{", {}, 400, "malformed-json"),
        (b'{"a":"\xff"}', {}, 400, "malformed-json"),
        (b'{"a":1e999999}', {}, 400, "malformed-json"),
        (b"[" * 100_000, {}, 400, "malformed-json"),
        (b'{"a":1,"a":2}', {}, 400, "duplicate-name"),
        (b'{"a":1,"\\u0061":2}', {}, 400, "duplicate-name"),
        (b"[" * 40 + b"]" * 40, {}, 400, "shape-violation"),
        (b'{"a":' + b"1" * 70 + b"}", {}, 400, "shape-violation"),
        (b"{}", {"Content-Type": "text/plain"}, 415, "media-type-unsupported"),
        (b"{}", {"Content-Type": "application/json", "Content-Encoding": "gzip"}, 415, "content-encoding-unsupported"),
        (b" " * 2_000_000, {}, 413, "body-too-large"),
        (b" " * 2_000_000, {"Transfer-Encoding": "chunked"}, 413, "body-too-large"),
    ],
)
def test_documents_that_are_not_read_further(tmp_path, body, headers, status, code):
    """Media type, syntax, duplicate names and sizes are judged before anything reads the document."""
    refused(tmp_path, lambda g: g.call("POST", POST, body, headers=headers | KEY), status, code)


def test_a_body_that_nobody_declared_is_refused(tmp_path):
    """An operation without a request body takes none, also a read."""
    refused(tmp_path, lambda g: g.call("GET", f"{POST}?legal_entity=north", {"a": 1}), 400, "body-unexpected")


def test_all_violations_are_told_at_once_and_no_value(tmp_path):
    """Every wrong field is listed with its pointer; payload and property names never leave the gateway."""
    body = {
        "requisition_id": MARK * 10,
        "legal_entity": "north",
        "total": {"amount": MARK, "currency": MARK},
        MARK: 1,
        "issue_date": MARK,
        "lines": [{"line": MARK, "item": 4}, {}],
    }
    answer, record = refused(tmp_path, lambda g: g.call("POST", POST, body, headers=KEY), 422, "schema-violation")
    pointers = [violation["pointer"] for violation in answer.json()["violations"]]
    wanted = {"/requisition_id", "/total/amount", "/total/currency", "/issue_date", "/lines/0/line", "/lines/0/item"}
    assert wanted <= set(pointers)
    assert {"/lines/1/line", "/lines/1/item", ""} <= set(pointers)
    assert record["decisions"][0]["pointers"] == pointers
    assert answer.json()["fault"] == "request"
    assert answer.json()["executed"] == "no"
    assert record["refused_by"] == answer.json()["policy"] == "request-schema"


def test_parameters_are_checked_by_their_types(tmp_path):
    """Query texts are read as the schema's types; each wrong one is told under its place."""

    async def go(gateway):
        gateway.system.respond = lambda call: (200, {"items": []})
        good = await gateway.call("GET", f"{POST}?legal_entity=north&limit=5&state=open&state=closed")
        bad = await gateway.call(
            "GET", f"{POST}?legal_entity=north&limit=500&state=lost&requisition_id=a&requisition_id=b"
        )
        return good, bad

    (good, bad), _ = run(tmp_path, go)
    assert good.status == 200
    assert bad.status == 422
    pointers = {violation["pointer"] for violation in bad.json()["violations"]}
    assert pointers == {"#/query/limit", "#/query/state/0", "#/query/requisition_id"}


@pytest.mark.parametrize(
    ("method", "target", "positions"),
    [
        ("GET", f"{POST}?legal_entity=north&company={MARK}&limit=5&{MARK}", [1, 3]),
        ("GET", f"{POST}?legal_entity=north&&Limit=5&legal%5Fentity=north&=1", [2, 4]),
        ("GET", f"{POST}?legal_entity=north&legal_entity%00=south", [1]),
        ("GET", f"{POST}/PO-1?expand=all", [0]),
        ("POST", f"{POST}?company=2", [0]),
    ],
)
def test_undeclared_query_parameters_are_refused(tmp_path, method, target, positions):
    """What no contract names reaches no system; it is told by its position, since its name is the sender's own."""
    body, headers = (ORDER_BODY, KEY) if method == "POST" else (None, None)
    answer, _ = refused(tmp_path, lambda g: g.call(method, target, body, headers=headers), 422, "schema-violation")
    found = [each["pointer"] for each in answer.json()["violations"] if each["rule"] == "undeclared"]
    assert found == [f"#/query/{position}" for position in positions]


def test_undeclared_query_parameters_may_be_let_pass(tmp_path):
    """Where a policy says so the query goes on as it came; declared parameters are checked all the same."""
    config = {"undeclared_query": "pass"}
    files = workspace_files(policies__schema={"name": "request-schema", "policy": "request-schema", "config": config})

    async def go(gateway):
        gateway.system.respond = lambda call: (200, {"items": []})
        good = await gateway.call("GET", f"{POST}?legal_entity=north&company=%32")
        bad = await gateway.call("GET", f"{POST}?legal_entity=north&company=2&limit=x")
        return good.status, bad.status, [call["target"] for call in gateway.system.calls]

    result, _ = run(tmp_path, go, files)
    assert result == (200, 422, [b"/orders?legal_entity=north&company=%32"])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    document=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from([*ORDER_BODY, "lines", "amount", "x"]) | st.text(max_size=3), inner, max_size=5
            )
        ),
        max_leaves=12,
    ),
    cut=st.integers(0, 40),
)
def test_no_document_makes_the_chain_fail(fuzzed, document, cut):
    """Whatever is posted, whole or cut short, the answer is a 2xx or a 4xx, never a failure of the gateway."""
    raw = json.dumps(document).encode()
    for body in (raw, raw[: len(raw) - cut]):
        answer = fuzzed(body)
        assert answer.status in (201, 400, 403, 413, 415, 422), answer.body


@pytest.fixture
def fuzzed(tmp_path):
    """Posts bodies to one gateway that lives as long as the test."""
    with asyncio.Runner() as runner:
        manager = rig(tmp_path)
        gateway = runner.run(manager.__aenter__())
        count = iter(range(10**9))

        def post(body):
            return runner.run(gateway.call("POST", POST, body, headers={"Idempotency-Key": f"k{next(count)}"}))

        yield post
        runner.run(manager.__aexit__(None, None, None))


# ---- limits and life cycle


def limited(**config):
    return workspace_files(
        policies__limit={"name": "rate-limit", "policy": "rate-limit", "config": {"limit": 2, "window_s": 60, **config}}
    )


def test_a_quota_ends_in_429(tmp_path):
    """Beyond the burst calls get 429 with Retry-After and the state of the quota."""

    async def go(gateway):
        return [await gateway.call("POST", POST, ORDER_BODY, headers={"Idempotency-Key": str(n)}) for n in range(3)]

    (_, last, refusal), records = run(tmp_path, go, limited())
    assert [record["status"] for record in records] == [201, 201, 429]
    assert (b"ratelimit", b'"operation";r=0;t=60') in last.headers
    assert refusal.json()["code"] == "rate-limited"
    assert 1 <= int(refusal.header("retry-after")) <= 30


def test_shadow_decides_and_never_acts(tmp_path):
    """A policy in shadow leaves its decision in the record; the call goes on as if it were not there."""
    files = workspace_files(
        policies__schema={"name": "request-schema", "policy": "request-schema", "mode": "shadow"},
    )

    async def go(gateway):
        return await gateway.call("POST", POST, ORDER_BODY | {"extra": MARK}, headers=KEY)

    answer, records = run(tmp_path, go, files)
    assert answer.status == 201
    decision = records[0]["decisions"][0]
    assert (decision["policy"], decision["kind"], decision["mode"]) == ("request-schema", "reject", "shadow")
    assert "refused_by" not in records[0]


@pytest.mark.parametrize("kind", ["rate-limit", "coarse-limit"])
def test_a_quota_in_shadow_has_a_bucket_of_its_own(tmp_path, kind):
    """A tighter limit tried in shadow, named like the enforced one in headers, takes nothing from it."""
    config = {"name": "q", "window_s": 600}
    files = workspace_files(
        policies__limit={"name": "limit", "policy": kind, "config": {"limit": 4, **config}},
        policies__tighter={"name": "tighter", "policy": kind, "mode": "shadow", "config": {"limit": 1, **config}},
    )

    async def go(gateway):
        return [await gateway.call("POST", POST, ORDER_BODY, headers={"Idempotency-Key": str(n)}) for n in range(5)]

    answers, records = run(tmp_path, go, files)
    assert [answer.status for answer in answers] == [201, 201, 201, 201, 429]
    tried = [[d["kind"] for d in record.get("decisions", []) if d.get("mode") == "shadow"] for record in records]
    assert tried[0] == []
    assert tried[1:4] == [["reject"]] * 3


def with_life_cycle(**state):
    """Version 1.0.0 in the given state; 2.0.0 is its published successor."""
    states = {"1.0.0": {"successor": "2.0.0", "deprecated_at": "2025-01-01T00:00:00Z", **state}}
    contract = {
        "contract": "buying.orders",
        "title": "Orders",
        "owner": "buying",
        "domain": "buying",
        "base_path": "/buying/v{major}",
        "versions": {**states, "2.0.0": {"state": "published"}},
    }
    files = workspace_files(contracts__buying__orders__contract=contract)
    return files | {"contracts/buying/orders/2.0.0/openapi.yaml": json.dumps(orders_document("2.0.0")).encode()}


def test_deprecated_versions_say_so(tmp_path):
    """Deprecation, Sunset and the successor's link stand on every answer of a deprecated version."""
    files = with_life_cycle(state="deprecated", sunset_at="2027-01-01T00:00:00Z")

    async def go(gateway):
        return await gateway.call("POST", POST, ORDER_BODY, headers=KEY)

    answer, _ = run(tmp_path, go, files)
    assert answer.status == 201
    assert answer.header("deprecation") == "@1735689600"
    assert answer.header("sunset") == "Fri, 01 Jan 2027 00:00:00 GMT"
    assert answer.header("link") == '</buying/v2>; rel="successor-version"'


def test_retired_versions_are_gone(tmp_path):
    """A major of which every version is retired answers 410, even where the life cycle policy is switched off."""
    files = with_life_cycle(state="retired", sunset_at="2025-06-01T00:00:00Z")
    answer, _ = refused(tmp_path, lambda g: g.call("POST", POST, ORDER_BODY, headers=KEY), 410, "retired", files)
    assert answer.header("link") == '</buying/v2>; rel="successor-version"'
    off = yaml.safe_dump({"name": "lifecycle", "policy": "lifecycle", "enabled": False}).encode()
    (tmp_path / "off").mkdir()
    files["policies/off.yaml"] = off
    refused(tmp_path / "off", lambda g: g.call("POST", POST, ORDER_BODY, headers=KEY), 410, "retired", files)


def test_no_binding_is_told_apart(tmp_path):
    """A call for an entity without a bound system is refused before the intent."""
    files = workspace_files(
        bindings__all=[{"contract": "buying.orders", "major": 1, "entity": "south", "system": "erp"}]
    )
    answer, _ = refused(tmp_path, lambda g: g.call("POST", POST, ORDER_BODY, headers=KEY), 503, "no-binding", files)
    assert answer.json()["fault"] == "gateway"


# ---- the legal entity


def test_foreign_and_unknown_entities(tmp_path):
    """An entity that the consumer was not given is forbidden, whether or not it exists."""
    for entity in ("south", "nowhere"):
        body = ORDER_BODY | {"legal_entity": entity}
        path = tmp_path / entity
        path.mkdir()
        refused(path, lambda g, body=body: g.call("POST", POST, body, headers=KEY), 403, "entity-forbidden")


def test_references_find_the_entity(tmp_path):
    """A bare GET finds its entity by what was written before; a foreign object is not found, two are ambiguous."""

    async def go(gateway):
        for entity in ("north", "south"):
            names = {"id": f"PO-{entity}", "native_id": "4500001", "status": {}}
            gateway.system.respond = lambda call, names=names: (201, names)
            body = ORDER_BODY | {"legal_entity": entity}
            await gateway.call("POST", POST, body, key="both", headers={"Idempotency-Key": entity})
        gateway.system.respond = lambda call: (200, {"id": "x", "status": {}})
        return [
            await gateway.call("GET", f"{POST}/PO-north", key="both"),
            await gateway.call("GET", f"{POST}/PO-south", key="ap"),
            await gateway.call("GET", f"{POST}/4500001", key="both"),
            await gateway.call("GET", f"{POST}/4500001", key="ap"),
            await gateway.call("GET", f"{POST}/4500001", key="both", headers={"Waybill-Legal-Entity": "south"}),
            await gateway.call("GET", f"{POST}/PO-north", key="both", headers={"Waybill-Legal-Entity": "south"}),
            await gateway.call("GET", f"{POST}/PO-new", key="both"),
            await gateway.call("GET", f"{POST}/PO-new", key="ap"),
        ]

    other = {"system": "other", "name": "Other", "region": "us-west", "base_url": "http://127.0.0.1:1/api"}
    bound = [
        {"contract": "buying.orders", "major": 1, "entity": "north", "system": "erp"},
        {"contract": "buying.orders", "major": 1, "entity": "south", "system": "other"},
    ]
    answers, records = run(tmp_path, go, workspace_files(systems__other=other, bindings__all=bound))
    codes = [answer.json().get("code", answer.status) for answer in answers]
    assert codes == [200, "not-found", "entity-ambiguous", 200, 200, 200, "entity-missing", 200]
    entities = [record.get("legal_entity", "") for record in records[2:]]
    assert entities == ["north", "", "", "north", "south", "south", "", "north"]
    assert [record.get("system", "") for record in records[6:8]] == ["other", "other"]


def test_the_header_settles_the_entity_and_opens_no_other_ones_object(tmp_path):
    """In the system that the header's entity uses, an id known as another entity's is not found, whoever asks; an
    entity that the consumer was not given is forbidden, whether the id is known or not."""

    async def go(gateway):
        for entity in ("north", "south"):
            names = {"id": f"PO-{entity}", "native_id": f"45-{entity}", "status": {}}
            gateway.system.respond = lambda call, names=names: (201, names)
            body = ORDER_BODY | {"legal_entity": entity}
            await gateway.call("POST", POST, body, key="both", headers={"Idempotency-Key": entity})
        gateway.system.respond = lambda call: (200, {"id": "x", "status": {}})
        return [
            await gateway.call("GET", f"{POST}/{name}", key=key, headers={"Waybill-Legal-Entity": entity})
            for name, key, entity in asked
        ]

    asked = [
        ("PO-south", "both", "south"),
        ("45-south", "both", "south"),
        ("PO-new", "both", "south"),
        ("PO-north", "both", "south"),
        ("45-north", "both", "south"),
        ("PO-south", "ap", "north"),
        ("PO-south", "ap", "south"),
        ("PO-new", "ap", "south"),
    ]
    answers, records = run(tmp_path, go)
    codes = [answer.json().get("code", answer.status) for answer in answers]
    assert codes == [200, 200, 200, "not-found", "not-found", "not-found", "entity-forbidden", "entity-forbidden"]
    refused = records[-5:]
    assert [(record.get("upstream_status", 0), record.get("legal_entity", "")) for record in refused] == [(0, "")] * 5


# ---- the system's answer


def test_a_read_that_breaks_its_contract_is_not_passed_on(tmp_path):
    """A read whose answer is not what was declared ends in 502 with pointers and without values."""

    async def go(gateway):
        gateway.system.respond = lambda call: (200, {"id": 5, "status": {"order": 3}, "secret": MARK})
        return await gateway.call("GET", f"{POST}/PO-1")

    answer, records = run(tmp_path, go)
    assert (answer.status, answer.json()["code"]) == (502, "response-violation")
    assert (answer.json()["fault"], answer.json()["executed"]) == ("response", "no")
    assert {violation["pointer"] for violation in answer.json()["violations"]} == {"/id", "/status/*"}
    assert MARK not in answer.body.decode()
    assert records[0]["upstream_status"] == 200


@pytest.mark.parametrize(
    "response", [(200, b"{"), (200, b""), (206, {}), (200, b'{"id":"\xff"}'), (302, {"id": "x", "status": {}})]
)
def test_undeclared_and_malformed_answers(tmp_path, response):
    """Status, media type and syntax of an answer are part of the contract."""

    async def go(gateway):
        gateway.system.respond = lambda call: response
        return await gateway.call("GET", f"{POST}/PO-1")

    answer, _ = run(tmp_path, go)
    assert (answer.status, answer.json()["code"]) == (502, "response-violation")


def test_a_write_that_breaks_its_contract_is_withheld(tmp_path):
    """The system acted: the client gets 502 with executed yes, also on a retry, and a person is asked to look."""

    async def go(gateway):
        gateway.system.respond = lambda call: (201, {"id": "PO-1", "status": {"order": 3}, "note": MARK})
        first = await gateway.call("POST", POST, ORDER_BODY, headers=KEY)
        again = await gateway.call("POST", POST, ORDER_BODY, headers=KEY)
        return first, again, gateway.system.calls, await gateway.entries("attention")

    (first, again, calls, attention), records = run(tmp_path, go)
    assert (first.status, first.json()["executed"]) == (502, "yes")
    assert len(calls) == 1
    assert again.body == first.body
    assert again.header("idempotency-replayed") == "true"
    assert [(entry["kind"], entry["state"]) for entry in attention] == [("withheld", "open")]
    assert "object" not in attention[0]  # its id stands in the answer that broke the rules
    assert "object" not in records[0]
    assert (records[0]["executed"], records[0]["event"]) == ("yes", "order.created")
    assert records[0]["is_verified"] is False
    assert records[1]["is_replay"] is True
    assert "event" not in records[1]


@pytest.mark.parametrize(
    ("error", "status", "code", "executed"),
    [
        (UpstreamUnreachable("refused"), 502, "upstream-unreachable", "no"),
        ((401, {"error": "x"}), 502, "upstream-unauthorized", "no"),
        (UpstreamBroken("reset", False, False, False), 504, "in-doubt", "unknown"),
        (UpstreamBroken("late", True, False, True), 504, "in-doubt", "unknown"),
        ((500, {"error": "x"}), 504, "in-doubt", "unknown"),
        ((502, {"error": "x"}), 504, "in-doubt", "unknown"),
    ],
)
def test_writes_without_an_answer(tmp_path, error, status, code, executed):
    """What may have been done is in doubt and says so; what cannot have been done says that."""

    async def go(gateway):
        gateway.system.respond = lambda call: error
        answer = await gateway.call("POST", POST, ORDER_BODY, headers=KEY)
        gateway.system.respond = lambda call: (201, {"id": "PO-1", "status": {}})
        again = await gateway.call("POST", POST, ORDER_BODY, headers=KEY)
        return answer, again, await gateway.entries("outcome"), await gateway.store.pending(10)

    (answer, again, outcomes, pending), records = run(tmp_path, go)
    assert (answer.status, answer.json()["code"], answer.json()["executed"]) == (status, code, executed)
    assert answer.json()["fault"] == records[0]["fault"] == "upstream"
    assert outcomes[0]["executed"] == executed
    assert again.status == (201 if executed == "no" else 409)
    assert [item.intent.reconcile.target for item in pending] == (
        [] if executed == "no" else ["/orders?legal_entity=north&requisition_id=REQ-7"]
    )


def test_a_doubt_that_no_look_up_can_end_asks_for_a_person(tmp_path):
    """Without a reconcile plan attention is opened at once."""

    async def go(gateway):
        gateway.system.respond = lambda call: UpstreamBroken("reset", False, False, False)
        answer = await gateway.call("POST", f"{POST}/PO-1/approve")
        return answer, await gateway.entries("attention")

    (answer, attention), _ = run(tmp_path, go)
    assert answer.status == 504
    assert [(entry["kind"], entry["operation"]) for entry in attention] == [("in_doubt", "orders.approve")]


@pytest.mark.parametrize(
    ("error", "status", "code", "calls"),
    [
        (UpstreamUnreachable("refused"), 502, "upstream-unreachable", 1),
        (UpstreamBroken("reset", False, False, False), 502, "upstream-broken", 1),
        (UpstreamBroken("closed", False, True, True), 502, "upstream-broken", 2),
        (UpstreamBroken("late", True, False, True), 504, "upstream-timeout", 1),
        ((401, {"error": "x"}), 502, "upstream-unauthorized", 1),
    ],
)
def test_reads_without_an_answer(tmp_path, error, status, code, calls):
    """A read is tried again only when a used connection was closed before any answer."""

    async def go(gateway):
        gateway.system.respond = lambda call: error
        return await gateway.call("GET", f"{POST}/PO-1"), len(gateway.system.calls)

    (answer, made), records = run(tmp_path, go)
    assert (answer.status, answer.json()["code"], made) == (status, code, calls)
    assert records[0].get("attempt", 1) == calls
    assert records[0]["executed"] == "no"


@pytest.mark.parametrize(
    ("redirect", "first", "second", "executed"),
    [(307, 502, 201, ["no", "yes"]), (302, 504, 409, ["unknown", "no"]), (303, 502, 502, ["yes", "yes"])],
)
def test_a_redirected_write(tmp_path, redirect, first, second, executed):
    """A 307 was not done, and the key may be used again; of a 302 nobody knows; what a 303 shows was done."""

    async def go(gateway):
        done = (201, {"id": "PO-1", "status": {}})
        gateway.system.respond = lambda call: (
            done if len(gateway.system.calls) > 1 else (redirect, b"", [(b"location", b"/elsewhere")])
        )
        return [await gateway.call("POST", POST, ORDER_BODY, headers=KEY) for _ in range(2)]

    answers, records = run(tmp_path, go)
    assert [answer.status for answer in answers] == [first, second]
    assert [record["executed"] for record in records] == executed
    assert answers[0].json()["executed"] == executed[0]


def test_what_a_status_says_of_a_write():
    """2xx and 303 did it; 307, 308, 4xx, 501 and 503 did not; others leave it open. Only 2xx, 303 and 409 are kept."""
    assert outcome_of(200) == outcome_of(201) == outcome_of(204) == outcome_of(303) == ("yes", "executed")
    assert outcome_of(307) == outcome_of(308) == ("no", "not_executed")
    assert {outcome_of(status) for status in (300, 301, 302, 304, 305, 306, 399)} == {("unknown", "in_doubt")}
    assert outcome_of(409) == ("no", "executed")
    assert outcome_of(422) == outcome_of(501) == outcome_of(503) == ("no", "not_executed")
    assert outcome_of(500) == outcome_of(502) == outcome_of(504) == ("unknown", "in_doubt")


# ---- clients that leave


def test_a_client_that_leaves_while_the_system_works(tmp_path):
    """The work is finished and journalled; the record says that nobody waited."""

    async def go(gateway):
        raw = json.dumps(ORDER_BODY).encode()
        pairs = [("X-API-Key", api_key("ap")), ("Idempotency-Key", "k")]
        pairs += [("Content-Type", "application/json"), ("Content-Length", str(len(raw)))]
        answer = await gateway.asgi("POST", POST, pairs, [raw], is_gone=True)
        again = await gateway.call("POST", POST, ORDER_BODY, headers={"Idempotency-Key": "k"})
        return answer, again, gateway.system.calls

    (answer, again, calls), records = run(tmp_path, go)
    assert (answer.status, len(calls)) == (0, 1)
    assert (records[0]["status"], records[0]["executed"]) == (499, "yes")
    assert (again.status, again.header("idempotency-replayed")) == (201, "true")


def test_a_cancelled_call_still_finishes_its_write(tmp_path):
    """Cancelling the request's task after the intent cancels nothing: outcome and claim are there."""

    async def go(gateway):
        started, release = asyncio.Event(), asyncio.Event()

        async def slow():
            started.set()
            await release.wait()
            return 201, {"id": "PO-1", "status": {}}

        gateway.system.respond = lambda call: slow()
        task = asyncio.create_task(gateway.call("POST", POST, ORDER_BODY, headers=KEY))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        release.set()
        for _ in range(100):
            again = await gateway.call("POST", POST, ORDER_BODY, headers=KEY)
            if again.status != 409:
                break
            await asyncio.sleep(0.01)
        return again, await gateway.entries("outcome"), len(gateway.system.calls)

    (again, outcomes, calls), _ = run(tmp_path, go)
    assert (again.status, calls) == (201, 1)
    assert outcomes[0]["executed"] == "yes"


def test_a_body_that_is_cut_off(tmp_path):
    """A client that goes away within its body leaves a record with status 499 and nothing else."""

    async def go(gateway):
        return await gateway.asgi("POST", POST, [("X-API-Key", "x"), ("Content-Length", "9")], [b"{"], is_cut=True)

    answer, records = run(tmp_path, go)
    assert (answer.status, records[0]["status"]) == (401, 401)  # nobody's body is read

    async def known(gateway):
        pairs = [("X-API-Key", api_key("ap")), ("Content-Length", "9")]
        return await gateway.asgi("POST", POST, pairs, [b"{"], is_cut=True)

    (tmp_path / "b").mkdir()
    answer, records = run(tmp_path / "b", known)
    assert (answer.status, records[0]["status"], records[0]["code"]) == (0, 499, "client-gone")
