"""Logs: numbered lines, flushed one by one, closed by an `end`."""

import re

import pytest

from catalog.errors import Invalid
from controlplane.simulation.log import Log, read_log


def test_lines_are_numbered_and_there_at_once(tmp_path):
    """A killed process loses nothing that it wrote."""
    log = Log(tmp_path / "log.ndjson")
    log.write("call", status=201)
    assert [(line["n"], line["kind"], line["status"]) for line in read_log(tmp_path / "log.ndjson")] == [
        (1, "call", 201)
    ]
    log.close()
    log.close()
    assert [(line["n"], line["kind"]) for line in read_log(tmp_path / "log.ndjson")] == [(1, "call"), (2, "end")]


def test_a_torn_last_line_is_left_out(tmp_path):
    """It is the mark of a killed writer, and the missing `end` says so."""
    path = tmp_path / "log.ndjson"
    path.write_text('{"n":1,"kind":"call"}\n{"n":2,"ki')
    assert read_log(path) == [{"n": 1, "kind": "call"}]


@pytest.mark.parametrize("line", ['{"n":2,"ki', "[]", '{"n":2}', "\x00"])
def test_a_garbled_line_is_named(tmp_path, line):
    """By file and number, as what it is: bad input."""
    path = tmp_path / "log.ndjson"
    path.write_text(f'{{"n":1,"kind":"call"}}\n{line}\n{{"n":3,"kind":"end"}}\n')
    with pytest.raises(Invalid, match=f"{re.escape(str(path))} line 2"):
        read_log(path)
