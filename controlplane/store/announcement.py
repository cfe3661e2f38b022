"""Carries wake-ups between control-plane processes that share a PostgreSQL database, by LISTEN and NOTIFY.

A wake-up that is lost, because the server or a connection went away, costs no more than the rest of a long poll's
time: whoever listens again wakes everybody once. Source: PostgreSQL 15, NOTIFY.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import psycopg
from psycopg import sql
from sqlalchemy.exc import SQLAlchemyError

from controlplane.store.database import Database

log = logging.getLogger(__name__)

LOOK_S = 0.5  # how soon a listener ends once it is told to
RETRY_S = 2.0

Wake = Callable[[], None]


def announcer(database: Database, channel: str) -> Wake:
    """What tells the other processes that something was committed; nothing when the database is not shared."""

    def announce() -> None:
        try:
            with database.engine.begin() as connection:
                connection.exec_driver_sql(f"NOTIFY {channel}")
        except SQLAlchemyError:  # it is committed all the same
            log.warning("other control-plane processes could not be told on %s", channel)

    return announce if database.is_shared else _nothing


@contextmanager
def listening(database: Database, wakes: Mapping[str, Wake]) -> Iterator[None]:
    """Call what `wakes` has for a channel whenever any process announces it, as long as the block runs."""
    if not database.is_shared:
        yield
        return
    stop = threading.Event()
    thread = threading.Thread(target=_listen, args=(_url(database), wakes, stop), name="announcements", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(RETRY_S + LOOK_S)


def _listen(url: str, wakes: Mapping[str, Wake], stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            _follow(url, wakes, stop)
        except psycopg.Error as error:
            log.warning("announcements of other control-plane processes are not heard: %s", type(error).__name__)
            stop.wait(RETRY_S)


def _follow(url: str, wakes: Mapping[str, Wake], stop: threading.Event) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for channel in wakes:
            connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
        for wake in wakes.values():  # what was announced before is not told again
            wake()
        while not stop.is_set():
            for notice in connection.notifies(timeout=LOOK_S):
                wakes[notice.channel]()


def _url(database: Database) -> str:
    return database.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)


def _nothing() -> None:
    """A database that is not shared has nobody else to tell."""
