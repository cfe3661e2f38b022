"""The audit: every change of a line, of the order, of the length or of the signature is found and placed."""

from __future__ import annotations

import hashlib

import msgspec
import pytest

from controlplane.audit import StreamHead, head_message, verify_stream


def chain(count: int) -> list[bytes]:
    lines: list[bytes] = []
    previous = ""
    for seq in range(1, count + 1):
        entry = {
            "seq": seq,
            "kind": "ack",
            "at_us": 1,
            "prev": previous,
            "body": {"command_id": str(seq), "result": "done"},
        }
        lines.append(msgspec.json.encode(entry))
        previous = hashlib.sha256(lines[-1]).hexdigest()
    return lines


def signed(context, lines: list[bytes], last: int | None = None) -> StreamHead:
    last = len(lines) if last is None else last
    digest = hashlib.sha256(lines[last - 1]).hexdigest()
    head = StreamHead("north-1/0/1", last, digest, "", 5)
    return msgspec.structs.replace(head, signature=context.keys.sign(head_message(head)))


def test_an_intact_stream_is_anchored_up_to_its_head(context) -> None:
    lines = chain(5)
    verdict = verify_stream(signed(context, lines), lines, context.keys.public_key)
    assert (verdict.entries, verdict.anchored, verdict.is_intact) == (5, 5, True)


def test_entries_behind_the_head_are_chained_and_not_anchored(context) -> None:
    lines = chain(5)
    verdict = verify_stream(signed(context, lines, last=3), lines, context.keys.public_key)
    assert (verdict.entries, verdict.anchored, verdict.is_intact) == (5, 3, True)


@pytest.mark.parametrize("place", [0, 2, 4])
def test_a_changed_line_is_found(context, place: int) -> None:
    """The break shows at the line after it, the last line's at the head."""
    lines = chain(5)
    head = signed(context, lines)
    lines[place] = lines[place].replace(b'"done"', b'"refused"')
    verdict = verify_stream(head, lines, context.keys.public_key)
    assert not verdict.is_intact and verdict.break_at == min(place + 2, 5)


@pytest.mark.parametrize("place", [0, 2, 4])
def test_a_missing_line_is_found(context, place: int) -> None:
    lines = chain(5)
    head = signed(context, lines)
    del lines[place]
    verdict = verify_stream(head, lines, context.keys.public_key)
    assert not verdict.is_intact and verdict.break_at == place + 1


def test_two_lines_changed_places(context) -> None:
    lines = chain(5)
    head = signed(context, lines)
    lines[1], lines[2] = lines[2], lines[1]
    assert verify_stream(head, lines, context.keys.public_key).break_at == 2


def test_a_rewritten_chain_fails_at_the_signed_head(context) -> None:
    """Whoever rewrites everything consistently cannot sign the new head."""
    head = signed(context, chain(5))
    lines = chain(4)
    previous = hashlib.sha256(lines[-1]).hexdigest()
    entry = {"seq": 5, "kind": "ack", "at_us": 2, "prev": previous, "body": {"command_id": "5", "result": "done"}}
    lines.append(msgspec.json.encode(entry))
    assert not verify_stream(head, lines, context.keys.public_key).is_intact
    forged = msgspec.structs.replace(head, head=hashlib.sha256(lines[-1]).hexdigest())
    verdict = verify_stream(forged, lines, context.keys.public_key)
    assert verdict.reason == "the signature of the head is not the control plane's" and verdict.anchored == 0


def test_what_is_no_entry_is_a_break(context) -> None:
    lines = [*chain(2), b"garbage"]
    assert verify_stream(signed(context, chain(3)), lines, context.keys.public_key).break_at == 3
