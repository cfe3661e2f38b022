"""Forms of log lines."""

import contextvars
import io
import json
import logging

import pytest

from catalog.log import SUBJECT, JsonFormatter, Subject, TextFormatter


def logged(formatter, say, subject=None):
    """What `say(logger)` writes, in a context of its own."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    logger = logging.Logger("gateway.app")
    logger.addHandler(handler)

    def run():
        SUBJECT.set(subject)
        say(logger)

    contextvars.Context().run(run)
    return stream.getvalue()


def fail(logger, card="4111 1111", token="wbt_x"):
    try:
        try:
            raise ValueError(card)
        except ValueError as error:
            raise KeyError(token) from error
    except KeyError:
        logger.exception("settling failed")


def test_a_json_line():
    """Time in UTC, level, logger, message, and what is being worked on."""
    subject = Subject("a" * 32, "b" * 16, "c" * 32)
    text = logged(JsonFormatter(), lambda logger: logger.warning("away: %s\n", "x"), subject)
    line = json.loads(text)
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "warning",
        "logger": "gateway.app",
        "message": "away: x\n",
        "trace_id": "a" * 32,
        "span_id": "b" * 16,
        "exchange_id": "c" * 32,
    }
    assert text.count("\n") == 1


def test_without_a_subject():
    """A line that belongs to no request names none."""
    line = json.loads(logged(JsonFormatter(), lambda logger: logger.info("ready")))
    assert set(line) == {"time", "level", "logger", "message"}


@pytest.mark.parametrize("formatter", [JsonFormatter(), TextFormatter()])
def test_an_exception_tells_no_values(formatter):
    """Type and place of it and of its cause; never its text, which may quote anything."""
    text = logged(formatter, fail)
    assert "KeyError" in text
    assert "ValueError" in text
    assert "in fail" in text
    assert "4111" not in text
    assert "wbt_x" not in text


def test_nothing_can_forge_a_line():
    """Line breaks in a message are escaped in text."""
    text = logged(TextFormatter(), lambda logger: logger.info("no route %s", "a\n2026-01-01 ERROR x: forged\r\n"))
    assert text.count("\n") == 1
    assert "\r" not in text
