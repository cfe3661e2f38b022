"""Lines and their chain: what was changed, left out, doubled or put elsewhere is found."""

import hashlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import Invalid
from catalog.record import AckEntry, Entry
from gateway.stream import Chain, check, continuation, skip


def lines(count: int) -> list[bytes]:
    chain = Chain()
    return [chain.link("ack", AckEntry(f"command-{n}", "done"), 1_000 + n) for n in range(count)]


def test_a_line_is_one_readable_entry():
    """Newline-terminated compact JSON; the first has no predecessor, the next names the hash of the first's bytes."""
    first, second = lines(2)
    assert first == (
        b'{"seq":1,"kind":"ack","at_us":1000,"prev":"","body":{"command_id":"command-0","result":"done"}}\n'
    )
    entry = msgspec.json.decode(second, type=Entry)
    assert (entry.seq, entry.prev) == (2, hashlib.sha256(first[:-1]).hexdigest())
    assert msgspec.json.decode(entry.body, type=AckEntry) == AckEntry("command-1", "done")


def test_a_whole_stream_checks():
    """The chain that follows the lines ends where the one that made them ended; also from the middle on."""
    made = lines(20)
    end = check(made)
    assert (end.last, end.head) == (20, hashlib.sha256(made[-1][:-1]).hexdigest())
    middle = check(made[:7])
    assert check(made[7:], middle).head == end.head
    assert check(made[7:], continuation(made[7])).head == end.head


def test_a_newline_in_a_value_stays_in_its_line():
    """Whatever text an entry holds, it is one line."""
    line = Chain().link("ack", AckEntry("c", "refused", "a\nb\r\u2028"), 1)
    assert line.count(b"\n") == 1
    check([line])


@given(st.integers(0, 9), st.sampled_from(["change", "drop", "double", "swap"]), st.integers(0, 400))
def test_tampering_is_found(at, how, byte):
    """Any one line before the last that is changed, dropped, doubled or swapped breaks the chain there or after."""
    made = lines(12)
    if how == "change":
        line = bytearray(made[at])
        byte %= len(line) - 1
        line[byte] = ord("x") if line[byte] != ord("x") else ord("y")
        made[at] = bytes(line)
    elif how == "drop":
        del made[at]
    elif how == "double":
        made.insert(at, made[at])
    else:
        made[at], made[at + 1] = made[at + 1], made[at]
    with pytest.raises(Invalid):
        check(made)


@given(st.binary(max_size=200))
def test_garbage_is_refused_not_crashed_on(data):
    """No bytes make the check fail in another way than by saying so."""
    with pytest.raises(Invalid):
        check([data])
    with pytest.raises(Invalid):
        continuation(data)


def test_skip():
    """The rest after the first lines, byte for byte."""
    made = lines(5)
    assert skip(b"".join(made), 2) == b"".join(made[2:])
    assert skip(b"".join(made), 5) == b""
