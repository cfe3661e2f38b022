"""Tables and connections. A schema of its own in the database, made once under an advisory lock."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import psycopg
from psycopg import Cursor, conninfo

from catalog.errors import Invalid, Unavailable

#: what psycopg warns of comes after an error that it raises, and that is told in the store's words
logging.getLogger("psycopg").setLevel(logging.ERROR)

VERSION = 1
SCHEMA = "waybill_gateway"
MAKING = 0x57617962  # key of the advisory lock under which tables are made

#: Beside what `gateway.state.schema` says: `written` counts the transactions of an epoch and fences it, `renewed_us`
#: and `lease_us` say until when it counts as alive, by the database's clock. A quota's row also holds what was asked of
#: it last, so that one statement can answer; it is not logged: a crash of the database fills every bucket again.
#: `conforming`: of `wanted` calls that meet a bucket `ahead` nanoseconds from full, how many may pass; intervals are
#: rounded to nanoseconds, and a microsecond is let pass so that this never refuses the last call of a burst.
TABLES = """
CREATE FUNCTION now_us() RETURNS BIGINT LANGUAGE sql VOLATILE AS
  'SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint';
CREATE FUNCTION conforming(ahead BIGINT, burst BIGINT, pace BIGINT, wanted BIGINT) RETURNS BIGINT LANGUAGE sql
  IMMUTABLE AS 'SELECT CASE WHEN ahead > burst + 1000 THEN 0 ELSE least(wanted, (burst + 1000 - ahead) / pace + 1) END';
CREATE TABLE state (version INTEGER NOT NULL, shared_by TEXT NOT NULL);
CREATE TABLE stream (
  stream_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name TEXT NOT NULL UNIQUE, gateway TEXT NOT NULL,
  slot INTEGER NOT NULL, epoch BIGINT NOT NULL, opened_us BIGINT NOT NULL, shipped BIGINT NOT NULL DEFAULT 0,
  died_us BIGINT, written BIGINT NOT NULL DEFAULT 0, written_bytes BIGINT NOT NULL DEFAULT 0,
  shipped_bytes BIGINT NOT NULL DEFAULT 0, renewed_us BIGINT NOT NULL, lease_us BIGINT NOT NULL,
  generation BIGINT NOT NULL DEFAULT 0, UNIQUE (gateway, slot, epoch)) WITH (fillfactor = 20);
CREATE TABLE batch (
  stream_id BIGINT NOT NULL, first BIGINT NOT NULL, last BIGINT NOT NULL, committed_us BIGINT NOT NULL,
  lines BYTEA NOT NULL, PRIMARY KEY (stream_id, first));
ALTER TABLE batch ALTER COLUMN lines SET STORAGE EXTERNAL;
CREATE TABLE intent (
  exchange_id TEXT PRIMARY KEY, stream_id BIGINT NOT NULL, begun_us BIGINT NOT NULL,
  consumer TEXT, entity TEXT, operation TEXT, claim_key TEXT, fingerprint TEXT NOT NULL,
  state TEXT NOT NULL, is_recorded INTEGER NOT NULL DEFAULT 0, is_checked INTEGER NOT NULL DEFAULT 0,
  is_open INTEGER NOT NULL DEFAULT 1, retry_at_us BIGINT, attempts INTEGER NOT NULL DEFAULT 0,
  absences INTEGER NOT NULL DEFAULT 0, body BYTEA NOT NULL, answer BYTEA) WITH (fillfactor = 70);
ALTER TABLE intent ALTER COLUMN body SET STORAGE EXTERNAL;
ALTER TABLE intent ALTER COLUMN answer SET STORAGE EXTERNAL;
CREATE UNIQUE INDEX intent_claim ON intent (claim_key, consumer, entity, operation) WHERE claim_key IS NOT NULL;
CREATE INDEX intent_open ON intent (stream_id) WHERE is_open = 1;
CREATE INDEX intent_begun ON intent (begun_us);
CREATE TABLE cross_reference (
  object TEXT NOT NULL, value TEXT NOT NULL, entity TEXT NOT NULL, system TEXT NOT NULL,
  trace_id TEXT NOT NULL, span_id TEXT NOT NULL, PRIMARY KEY (object, value, system));
CREATE TABLE attention (
  attention_id TEXT PRIMARY KEY, exchange_id TEXT NOT NULL, kind TEXT NOT NULL, state TEXT NOT NULL,
  changed_us BIGINT NOT NULL, body BYTEA NOT NULL, UNIQUE (exchange_id, kind));
CREATE TABLE command (command_id TEXT PRIMARY KEY, at_us BIGINT NOT NULL);
CREATE UNLOGGED TABLE quota (
  bucket TEXT PRIMARY KEY, arrival_ns BIGINT NOT NULL, ahead_ns BIGINT NOT NULL, now_ns BIGINT NOT NULL,
  interval_ns BIGINT NOT NULL, burst_ns BIGINT NOT NULL, wanted BIGINT NOT NULL) WITH (fillfactor = 50);
"""

#: A session that is cut off must not hold a slot or a lock for long, and one that waits must learn of it.
SESSION = (
    f"SET search_path TO {SCHEMA}; SET client_min_messages TO warning; SET lock_timeout TO '4s'; "
    "SET statement_timeout TO '15s'; SET idle_in_transaction_session_timeout TO '5s'; "
    "SET tcp_keepalives_idle TO 4; SET tcp_keepalives_interval TO 2; SET tcp_keepalives_count TO 2"
)
REACHING: dict[str, Any] = {
    "connect_timeout": 3,
    "keepalives_idle": 4,
    "keepalives_interval": 2,
    "keepalives_count": 2,
    "tcp_user_timeout": 8000,
    "application_name": "waybill-gateway",
}

DURABLE = "SET synchronous_commit TO on"
VOLATILE = "SET synchronous_commit TO off"  # for quotas, which no crash needs to survive
READ_ONLY = "SET default_transaction_read_only TO on"


class Connection:
    """psycopg's connection as `gateway.state.connection.Connection`: `?` for values, binary results. PostgreSQL's text
    holds no NUL: it becomes U+FFFD, in what is written as in what is asked for."""

    def __init__(self, raw: psycopg.Connection[Any]) -> None:
        self.raw = raw

    def execute(self, sql: str, parameters: Sequence[Any] = (), /) -> Cursor[Any]:
        return self.raw.cursor(binary=True).execute(_translated(sql), _clean(parameters))

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]], /) -> Cursor[Any]:
        cursor = self.raw.cursor(binary=True)
        cursor.executemany(_translated(sql), [_clean(row) for row in parameters])
        return cursor

    @property
    def is_broken(self) -> bool:
        return self.raw.closed


def connect(url: str, mode: str) -> Connection:
    """A connection in autocommit. Raises: Unavailable; Invalid for an URL that makes no sense."""
    try:
        given = {name: value for name, value in REACHING.items() if name not in conninfo.conninfo_to_dict(url)}
        raw = psycopg.connect(url, autocommit=True, prepare_threshold=2, **given)
        raw.execute(f"{SESSION}; {mode}".encode())
    except psycopg.ProgrammingError as error:
        raise Invalid(f"--state-url is no PostgreSQL URL: {error}".rstrip()) from error
    except psycopg.Error as error:
        raise Unavailable(f"the state database cannot be reached: {error}".rstrip()) from error
    return Connection(raw)


def prepare(connection: Connection, shared_by: str) -> None:
    """Make the tables when they are missing. Raises: Unavailable; Invalid (another version, another group's state)."""
    raw = connection.raw
    try:
        with raw.transaction():
            raw.execute("SELECT pg_advisory_xact_lock(%s)", (MAKING,))
            if not _is_made(raw):
                raw.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}; {TABLES}".encode())
                raw.execute("INSERT INTO state (version, shared_by) VALUES (%s, %s)", (VERSION, shared_by))
            version, owner = _state(raw)
    except psycopg.Error as error:
        raise Unavailable(f"the state's tables cannot be made: {error}".rstrip()) from error
    _check_version(version)
    if owner != shared_by:
        raise Invalid(
            f"this database holds the state of {owner}, and this gateway is of {shared_by}: gateways share one state "
            "when they enrol with tokens of one group (`waybill gateway token NAME --group GROUP`)"
        )


def open_reader(url: str) -> Connection:
    """A connection that cannot write, over tables that exist. Raises: Unavailable, Invalid."""
    connection = connect(url, READ_ONLY)
    try:
        if not _is_made(connection.raw):
            raise Invalid("this database holds no gateway state")
        _check_version(_state(connection.raw)[0])
    except psycopg.Error as error:
        raise Unavailable(f"the state database cannot be read: {error}".rstrip()) from error
    return connection


def _is_made(raw: psycopg.Connection[Any]) -> bool:
    row = raw.execute("SELECT to_regclass(%s)", (f"{SCHEMA}.state",)).fetchone()
    return row is not None and row[0] is not None


def _state(raw: psycopg.Connection[Any]) -> tuple[int, str]:
    row = raw.execute("SELECT version, shared_by FROM state").fetchone()
    return (0, "") if row is None else (int(row[0]), str(row[1]))


def _check_version(found: int) -> None:
    if found != VERSION:
        raise Invalid(f"the state database has format {found}; this release reads format {VERSION}")


@cache
def _translated(text: str) -> bytes:
    return text.replace("%", "%%").replace("?", "%s").encode()


def _clean(row: Sequence[Any]) -> Sequence[Any]:
    if any(type(value) is str and "\x00" in value for value in row):
        return [value.replace("\x00", "\ufffd") if type(value) is str else value for value in row]
    return row
