"""Logs: numbered lines, flushed one by one, closed by an `end`."""

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
