"""Tryton in an environment of its own, kept between runs under `.cache/tryton`.

Tryton is GPL software: it is installed from the package index into its own virtual environment, runs as a process of
its own and is spoken to over HTTP only. The first use takes half a minute to a minute (install, create the database,
master data); later ones copy the finished database file and start in two seconds.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.e2e.tryton.master import create_master_data

HERE = Path(__file__).parent
CACHE = HERE.parents[2] / ".cache" / "tryton"
MODULES = (HERE / "requirements.in").read_text().split()
PASSWORD = "waybill-test"
START_TIMEOUT_S = 30


class TrytonUnavailable(Exception):
    """Tryton could not be installed; the text says why."""


class Tryton:
    """A running Tryton server: `base_url`, the REST `key` and the ids of its master data."""

    def __init__(self, base_url: str, master: dict[str, int | str], process: subprocess.Popen[bytes]) -> None:
        self.base_url = base_url
        self.master = master
        self.key = str(master["key"])
        self.process = process

    def purchases(self, reference: str) -> list[dict[str, object]]:
        """Orders with `reference`, asked of Tryton itself over JSON-RPC, past the gateway."""
        session = _login(self.base_url)
        return session("model.purchase.purchase.search_read", [["reference", "=", reference]], 0, None, None, ["state"])


@contextmanager
def running(folder: Path) -> Iterator[Tryton]:
    """Start Tryton on a fresh copy of the prepared database in `folder`; ended by its pid."""
    binaries = _install()
    database, master = _prepared(binaries)
    (folder / "db").mkdir(parents=True)
    shutil.copy(database, folder / "db" / "p2p.sqlite")
    with _serving(binaries, folder) as (base_url, process):
        yield Tryton(base_url, master, process)


def _install() -> Path:
    """Folder of Tryton's own executables, installed once per list of requirements."""
    requirements = HERE / "requirements.txt"
    stamp = CACHE / "installed"
    wanted = hashlib.sha256(requirements.read_bytes()).hexdigest()
    binaries = CACHE / "venv" / "bin"
    if stamp.is_file() and stamp.read_text() == wanted:
        return binaries
    CACHE.mkdir(parents=True, exist_ok=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", CACHE / "venv"], check=True)
    command = [binaries / "python", "-m", "pip", "install", "--quiet", "--require-hashes", "-r", requirements]
    installed = subprocess.run(command, capture_output=True, text=True)
    if installed.returncode:
        raise TrytonUnavailable(installed.stderr.strip().splitlines()[-1])
    stamp.write_text(wanted)
    return binaries


def _prepared(binaries: Path) -> tuple[Path, dict[str, int | str]]:
    """A database file with company, chart of accounts, supplier and product, built once."""
    inputs = [HERE / "requirements.txt", HERE / "master.py", Path(__file__)]
    year = time.strftime("%Y", time.gmtime())  # the master data holds the current fiscal year
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in inputs) + year.encode()).hexdigest()[:16]
    database, master = CACHE / f"p2p-{digest}.sqlite", CACHE / f"p2p-{digest}.json"
    if not (database.is_file() and master.is_file()):
        work = CACHE / "build"
        shutil.rmtree(work, ignore_errors=True)
        (work / "db").mkdir(parents=True)
        _create_database(binaries, work)
        with _serving(binaries, work) as (base_url, _):
            ids = create_master_data(_login(base_url))
        with contextlib.closing(sqlite3.connect(work / "db" / "p2p.sqlite")) as finished:
            finished.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # the copy is of one file
        shutil.copy(work / "db" / "p2p.sqlite", database)
        master.write_text(json.dumps(ids))
    return database, json.loads(master.read_text())


def _create_database(binaries: Path, folder: Path) -> None:
    (folder / "db" / "p2p.sqlite").touch()
    (folder / "password").write_text(PASSWORD)
    _configure(folder, 0)
    names = [module.split("==")[0].removeprefix("trytond_") for module in MODULES if module.startswith("trytond_")]
    command = [
        binaries / "trytond-admin",
        "-c",
        folder / "trytond.conf",
        "-d",
        "p2p",
        "--all",
        "--activate-dependencies",
    ]
    subprocess.run(
        [*command, "--email", "admin@example.com", "-u", *names],
        check=True,
        capture_output=True,
        env={**os.environ, "TRYTONPASSFILE": str(folder / "password")},
    )


def _configure(folder: Path, port: int) -> None:
    (folder / "trytond.conf").write_text(
        f"[database]\nuri = sqlite://\npath = {folder / 'db'}\n[web]\nlisten = 127.0.0.1:{port}\n"
    )


@contextmanager
def _serving(binaries: Path, folder: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    _configure(folder, port)
    with (folder / "trytond.log").open("wb") as log:
        command = [binaries / "trytond", "-c", folder / "trytond.conf", "-d", "p2p"]
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    try:
        _wait_for_port(port, process)
        yield f"http://127.0.0.1:{port}", process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def _wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("Tryton did not start; its log is trytond.log")


def _login(base_url: str):
    """A function that calls Tryton's JSON-RPC as administrator."""
    client = httpx.Client(base_url=base_url, timeout=60)

    def call(method: str, *params):
        answer = client.post("/p2p/rpc/", json={"id": 1, "method": method, "params": [*params, call.context]}).json()
        if answer.get("error"):
            raise RuntimeError(f"{method}: {str(answer['error'])[:600]}")
        return answer["result"]

    login = {"id": 1, "method": "common.db.login", "params": ["admin", {"password": PASSWORD}]}
    user, session, *_ = client.post("/p2p/rpc/", json=login).json()["result"]
    token = httpx.BasicAuth(f"admin:{user}", session)._auth_header.removeprefix("Basic ")
    client.headers["Authorization"] = f"Session {token}"
    call.context = {}
    return call
