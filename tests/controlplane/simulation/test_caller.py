"""Calls as a sane vendor makes them, against a real server that answers by a script."""

import asyncio
import json
import socket

import pytest

from controlplane.simulation import caller as module
from controlplane.simulation.caller import Call, Caller
from controlplane.simulation.credential import ApiKey
from controlplane.simulation.log import Log, read_log
from tests.controlplane.simulation.direct import DirectServer


class Script:
    """Answers each request with the next (status, code, headers) and remembers what came."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.requests = []

    async def __call__(self, scope, receive, send):
        await receive()
        self.requests.append({name.decode(): value.decode() for name, value in scope["headers"]})
        status, code, headers = self.answers.pop(0)
        body = json.dumps({"code": code}).encode()
        kind = b"application/problem+json" if status >= 400 else b"application/json"
        head = [(b"content-type", kind), (b"waybill-exchange", b"e" * 32), *headers]
        await send({"type": "http.response.start", "status": status, "headers": head})
        await send({"type": "http.response.body", "body": body})


def run(script, call, tmp_path, cancel_after_s=None):
    """The reply (None when it was cut off), what the server saw and what the caller logged."""

    async def main(url):
        with Log(tmp_path / "calls.ndjson") as log:
            caller = Caller("dock", url, ApiKey("wbk_x"), log)
            try:
                return await asyncio.wait_for(caller.call(call), cancel_after_s)
            except TimeoutError:
                return None
            finally:
                await caller.close()

    with DirectServer(script, tmp_path / "ready.json") as server:
        reply = asyncio.run(main(server.url))
    return reply, getattr(script, "requests", []), read_log(tmp_path / "calls.ndjson")[:-1]


POST = Call("POST", "/x", {"a": 1}, key="k-1", entity="mercy-health")


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (503, "maintenance"),
        (504, "in-doubt"),
        (409, "idempotency-key-running"),
        (502, "upstream-unreachable"),
        (429, "rate-limited"),
    ],
)
def test_what_passes_is_tried_again_with_the_same_key(status, code, tmp_path):
    """Same key and trace, another span; each attempt is one line of the log."""
    reply, requests, lines = run(Script((status, code, []), (201, "", [])), POST, tmp_path)
    assert (reply.status, [line["status"] for line in lines]) == (201, [status, 201])
    assert [request["idempotency-key"] for request in requests] == ["k-1", "k-1"]
    assert lines[0]["trace"] == lines[1]["trace"]
    assert lines[0]["span"] != lines[1]["span"]
    assert [request["traceparent"].split("-")[2] for request in requests] == [line["span"] for line in lines]
    assert (requests[0]["x-api-key"], requests[0]["waybill-legal-entity"]) == ("wbk_x", "mercy-health")


@pytest.mark.parametrize(
    ("status", "code"),
    [(409, "duplicate-invoice"), (422, "schema-violation"), (401, "unauthenticated"), (502, "response-violation")],
)
def test_what_is_final_is_not_tried_again(status, code, tmp_path):
    """Another attempt would get the same answer, or do harm."""
    reply, requests, lines = run(Script((status, code, [])), POST, tmp_path)
    assert (reply.status, reply.code, len(requests), lines[0]["code"]) == (status, code, 1, code)


def test_without_a_key_an_unknown_outcome_is_left_alone(tmp_path):
    """A second attempt could do it twice."""
    reply, requests, _ = run(Script((504, "in-doubt", [])), POST._replace(key=""), tmp_path)
    assert (reply.status, len(requests)) == (504, 1)


def test_patience_ends(tmp_path, monkeypatch):
    """The last answer is given back when trying on would take too long."""
    monkeypatch.setattr(module, "BACKOFF_FIRST_S", 0.01)
    script = Script(*[(503, "maintenance", [])] * 20)
    reply, requests, lines = run(script, POST._replace(patience_s=0.1), tmp_path)
    assert reply.status == 503
    assert 1 < len(requests) == len(lines) < 20


def test_a_server_that_is_away_is_logged_as_such(tmp_path):
    """No answer, no exchange id, and the kind of the failure."""

    async def main():
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        with Log(tmp_path / "calls.ndjson") as log:
            caller = Caller("dock", f"http://127.0.0.1:{port}", ApiKey("x"), log)
            reply = await caller.call(POST._replace(patience_s=0.3))
            await caller.close()
        return reply

    reply = asyncio.run(main())
    lines = read_log(tmp_path / "calls.ndjson")[:-1]
    assert reply.status == 0
    assert {(line["error"], line["exchange"], line["status"]) for line in lines} == {("ConnectError", "", 0)}
    assert not any(line["is_sent"] for line in lines)


def test_a_call_that_is_cut_off_leaves_its_line(tmp_path):
    """Also a caller that is told to stop says what it had sent."""

    async def hang(scope, receive, send):
        await receive()
        await receive()  # until the caller is gone

    reply, _, (line,) = run(hang, POST, tmp_path, cancel_after_s=0.5)
    assert (reply, line["error"], line["status"], line["key"]) == (None, "Cancelled", 0, "k-1")
    assert line["is_sent"]


def test_a_call_that_is_stopped_in_the_queue_says_that_nothing_left(tmp_path, monkeypatch):
    """All connections are busy when it is told to stop: the gateway never heard of it."""
    monkeypatch.setattr(module, "CONNECTIONS", 1)

    async def main():
        with socket.create_server(("127.0.0.1", 0)) as silent, Log(tmp_path / "calls.ndjson") as log:
            caller = Caller("dock", f"http://127.0.0.1:{silent.getsockname()[1]}", ApiKey("x"), log, timeout_s=30)
            first, second = (asyncio.create_task(caller.call(POST._replace(key=key))) for key in ("a", "b"))
            await asyncio.sleep(0.5)
            for task in (second, first):
                task.cancel()
            await asyncio.gather(first, second, return_exceptions=True)
            await caller.close()

    asyncio.run(main())
    told = {line["key"]: (line["error"], line["is_sent"]) for line in read_log(tmp_path / "calls.ndjson")[:-1]}
    assert told == {"a": ("Cancelled", True), "b": ("Cancelled", False)}
