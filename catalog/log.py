"""Log lines of both servers, as JSON or for a person's eyes, each with the trace that it belongs to.

What a log may hold is bounded here: of an exception only its type and where it was raised are told, since its text may
quote a payload, a parameter or a secret. Line breaks within a message are escaped, so that no text that came from
outside can look like a line of ours. There is no access log: the exchange record is that.
"""

from __future__ import annotations

import json
import logging
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Literal

import msgspec

Format = Literal["text", "json"]
FORMATS: tuple[Format, ...] = ("text", "json")

_QUIET = ("httpx", "httpcore", "opentelemetry", "urllib3", "alembic")  # what they say, ours say where it matters


class Subject(msgspec.Struct, frozen=True):
    """What is being worked on."""

    trace_id: str
    span_id: str
    exchange_id: str = ""


#: set where a request comes in; tasks and threads started from there have it too
SUBJECT: ContextVar[Subject | None] = ContextVar("subject", default=None)


def configure(level: int, form: Format) -> None:
    """Send everything that is logged in this process to standard error, in one form."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time (UTC), level, logger, message; trace_id, span_id, exchange_id and exception where
    there is one."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": _moment(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        subject = SUBJECT.get()
        if subject is not None:
            line |= {name: value for name, value in msgspec.structs.asdict(subject).items() if value}
        error = _error(record)
        if error is not None:
            line["exception"] = {"type": _type(error), "stacktrace": _frames(error)}
        return json.dumps(line, ensure_ascii=False)


class TextFormatter(logging.Formatter):
    """Time, level, logger and message in a line; frames of an exception below it."""

    def format(self, record: logging.LogRecord) -> str:
        message = record.getMessage().replace("\\", "\\\\").replace("\r", "\\r").replace("\n", "\\n")
        subject = SUBJECT.get()
        trace = f" [trace {subject.trace_id}]" if subject is not None else ""
        text = f"{_moment(record)} {record.levelname} {record.name}: {message}{trace}"
        error = _error(record)
        return text if error is None else f"{text}\n{_frames(error)}{_type(error)}"


def _moment(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _error(record: logging.LogRecord) -> BaseException | None:
    return record.exc_info[1] if record.exc_info else None


def _type(error: BaseException) -> str:
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _frames(error: BaseException) -> str:
    """Where it was raised, and before that where its causes were."""
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    before = "" if cause is None or cause is error else f"{_frames(cause)}{_type(cause)}, and then:\n"
    return before + "".join(traceback.format_tb(error.__traceback__))
