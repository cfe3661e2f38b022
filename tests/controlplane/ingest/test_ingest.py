"""Ingest: only the next entry, an unbroken chain, one's own stream; the log keeps every byte."""

from __future__ import annotations

import hashlib
import json

import msgspec
import pytest
from sqlalchemy import func, select

from catalog.record import AckEntry, AttentionEntry
from controlplane.audit import StreamHead, verify_stream
from controlplane.keys import is_signed
from controlplane.lineage.store import exchange
from tests.controlplane.conftest import Api, is_problem
from tests.controlplane.journal import T0_US, Calls, Stream, procure_to_pay


@pytest.fixture
def gateway(api: Api) -> dict:
    return api.enrol()


@pytest.fixture
def stream(gateway: dict) -> Stream:
    written = Stream(f"{gateway['gateway']}/0/1")
    written.log(*procure_to_pay(Calls()))
    return written


def post(api: Api, gateway: dict, stream: Stream, first: int, last: int, lines: bytes | None = None):
    body = b"".join(stream.lines[first - 1 : last]) if lines is None else lines
    parameters = {"stream": stream.name, "first": first, "last": last}
    return api.call("POST", "/ingest", token=gateway["credential"], params=parameters, content=body)


def entries(api: Api, stream: Stream, after: int = 0, limit: int = 1_000) -> bytes:
    return api.get("/streams/entries", params={"stream": stream.name, "after": after, "limit": limit}).content


def test_batches_in_order_are_kept_byte_for_byte(api: Api, gateway: dict, stream: Stream) -> None:
    """Pages may cut through batches."""
    assert post(api, gateway, stream, 1, 4).json() == {"last": 4}
    assert post(api, gateway, stream, 5, 9).json() == {"last": 9}
    assert entries(api, stream) == b"".join(stream.lines)
    assert entries(api, stream, after=2, limit=4) == b"".join(stream.lines[2:6])
    assert entries(api, stream, after=9) == b""


@pytest.mark.parametrize(("first", "last"), [(1, 4), (2, 6), (6, 9), (9, 9)])
def test_anything_but_the_next_entry_is_refused_with_the_one_expected(
    api: Api, gateway: dict, stream: Stream, first: int, last: int
) -> None:
    """A resend, an overlap and a gap alike: 409, nothing taken twice."""
    post(api, gateway, stream, 1, 4)
    answer = post(api, gateway, stream, first, last)
    assert is_problem(answer, 409, "unexpected-entry")
    assert answer.json()["expected"] == 5
    assert entries(api, stream) == b"".join(stream.lines[:4])


def _changed(lines: list[bytes], at: int, old: bytes, new: bytes) -> bytes:
    assert old in lines[at]
    return b"".join([*lines[:at], lines[at].replace(old, new), *lines[at + 1 :]])


def test_broken_batches_are_refused_whole(api: Api, gateway: dict, stream: Stream) -> None:
    """A changed byte, a left-out line, lines swapped, junk, a missing end: 422, and the store is as before."""
    lines = stream.lines[:4]
    broken = [
        _changed(lines, 1, b"300.00", b"900.00"),
        b"".join([lines[0], lines[2], lines[3], lines[3]]),
        b"".join([lines[1], lines[0], lines[2], lines[3]]),
        b"".join([lines[0], b"junk\n", lines[2], lines[3]]),
        b"".join(lines)[:-1],
        b"".join(lines[:3]),
        b"",
    ]
    for body in broken:
        assert is_problem(post(api, gateway, stream, 1, 4, body), 422, "invalid")
    assert api.get("/streams").json() == []
    with api.context.database.read() as connection:
        assert connection.scalar(select(func.count()).select_from(exchange)) == 0
    assert post(api, gateway, stream, 1, 4).status_code == 200


def test_a_change_of_the_last_line_shows_with_the_next_batch(api: Api, gateway: dict, stream: Stream) -> None:
    """No batch can follow a head that its gateway did not write."""
    forged = _changed(stream.lines[:4], 3, b"150.00", b"950.00")
    assert post(api, gateway, stream, 1, 4, forged).status_code == 200
    assert is_problem(post(api, gateway, stream, 5, 9), 422, "invalid")


def test_a_gateway_writes_its_own_streams_only(api: Api, gateway: dict, stream: Stream) -> None:
    other = api.enrol("south")
    assert is_problem(post(api, other, stream, 1, 4), 403, "forbidden")
    near = Stream(f"{gateway['gateway']}x/0/1")
    near.log(Calls().make("a/b"))
    assert is_problem(post(api, gateway, near, 1, 1), 403, "forbidden")
    near.name = f"{gateway['gateway']}/0"
    assert is_problem(post(api, gateway, near, 1, 1), 422, "invalid")


def test_heads_are_signed_and_verify_against_the_lines(api: Api, gateway: dict, stream: Stream, clock) -> None:
    post(api, gateway, stream, 1, 4)
    clock.move(5)
    post(api, gateway, stream, 5, 9)
    (view,) = api.get("/streams", role="viewer").json()
    assert view["head"] == hashlib.sha256(stream.lines[8][:-1]).hexdigest()
    assert (view["last"], view["signed_at_us"], view["unread"]) == (9, clock.now_us, 0)
    assert view["signed_at"].endswith("Z")
    head = msgspec.convert(view, StreamHead)
    key = api.context.keys.public_key
    lines = entries(api, stream).splitlines()
    assert verify_stream(head, lines, key).is_intact
    assert not verify_stream(head, lines[:-1], key).is_intact
    assert not is_signed(key, b"something else", view["signature"])


def test_what_is_newer_than_this_program_is_kept_and_passed_over(api: Api, gateway: dict, stream: Stream) -> None:
    """Unknown kinds, unknown members and unreadable exchanges stay in the chain; the known rest counts."""
    novel = msgspec.to_builtins(Calls(entity="novel").make("a/b"))
    stream.write(b'{"anything":[1,2]}', T0_US, kind="telepathy")
    stream.write(json.dumps({**novel, "mood": {"deep": 1}}).encode(), T0_US)
    stream.write(json.dumps({**novel, "exchange_id": "f" * 32, "executed": "perhaps"}).encode(), T0_US)
    stream.write(AckEntry("nobody-knows", "done"), T0_US, kind="ack")
    stream.write(b'{"command_id":7}', T0_US, kind="ack")
    assert post(api, gateway, stream, 1, 14).status_code == 200
    assert entries(api, stream) == b"".join(stream.lines)
    assert api.get("/streams").json()[0]["unread"] == 1
    assert api.get(f"/exchanges/{novel['exchange_id']}").json()["exchange"]["mood"] == {"deep": 1}
    assert is_problem(api.get(f"/exchanges/{'f' * 32}"), 404, "not-found")


def test_a_nul_in_a_key_is_replaced_in_what_is_derived_and_kept_in_the_log(
    api: Api, gateway: dict, stream: Stream
) -> None:
    """PostgreSQL cannot keep it, and one odd key must not stop a stream."""
    calls = Calls()
    stream.log(calls.make("x/y", "odd.created", calls.ref("odd", "A\0\\u0000B")))
    assert post(api, gateway, stream, 1, 10).status_code == 200
    assert b'"A\\u0000\\\\u0000B"' in entries(api, stream, after=9)
    (found,) = api.get("/lineage/search", params={"q": "a"}).json()["items"]
    assert found["object"]["value"] == "A\ufffd\\u0000B"


def test_attention_arrives_with_the_stream(api: Api, gateway: dict) -> None:
    stream = Stream(f"{gateway['gateway']}/0/1")
    stream.write(AttentionEntry("att-1", "in_doubt", "open", "e" * 32, reason="reset"), T0_US, kind="attention")
    post(api, gateway, stream, 1, 1)
    assert [item["attention_id"] for item in api.get("/attention").json()["items"]] == ["att-1"]
    stream.write(AttentionEntry("att-1", "in_doubt", "settled", "e" * 32), T0_US + 9, kind="attention")
    post(api, gateway, stream, 2, 2)
    assert api.get("/attention").json()["items"] == []


def test_an_ingest_is_a_sign_of_life(api: Api, gateway: dict, stream: Stream, clock) -> None:
    clock.move(100)
    post(api, gateway, stream, 1, 4)
    (seen,) = api.get("/gateways").json()["items"]
    assert seen["last_seen_us"] == clock.now_us


def test_a_rebuild_is_for_admins_and_changes_nothing(api: Api, gateway: dict, stream: Stream) -> None:
    post(api, gateway, stream, 1, 9)
    asked = {"type": "payment", "assigner": "mercy", "value": "PAY-1"}
    before = api.get("/lineage/chain", params=asked).json()
    assert is_problem(api.post("/projections/rebuild", {}, role="architect"), 403, "forbidden")
    assert api.post("/projections/rebuild", {}).json() == {"entries": 9}
    assert api.get("/lineage/chain", params=asked).json() == before
    assert len(before["events"]) == 9
