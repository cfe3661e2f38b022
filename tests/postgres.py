"""A PostgreSQL server of the tests' own: a cluster in a temporary directory, on a free port of the loopback."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg

BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
NAMES = count(1)


def binaries() -> Path | None:
    """Where initdb and postgres are: Debian's place, else the search path; None when there are none."""
    found = shutil.which("initdb")
    return next(iter(BINARIES), None) or (Path(found).resolve().parent if found else None)


class Cluster:
    """A running server. Each test takes a database of its own."""

    def __init__(self, port: int, server: list[str], directory: str, bin_dir: Path) -> None:
        self.port = port
        self._server = server
        self._log = Path(directory) / "log"
        self._bin_dir = bin_dir
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Until it takes connections."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._server, stdout=log, stderr=subprocess.STDOUT, cwd=self._log.parent)
        _wait(self._bin_dir, self.port, self._process, self._log)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT: a fast shutdown, what is connected is cut off; SIGQUIT: at once, as after a crash."""
        if self._process is None:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://waybill@127.0.0.1:{self.port}/{database}"

    def database(self) -> str:
        """URL of a new, empty database."""
        name = f"test_{os.getpid()}_{next(NAMES)}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"'.encode())
        return self.url(name)


@contextmanager
def cluster(bin_dir: Path) -> Iterator[Cluster]:
    """A server for as long as the block runs. It will not run as root: then Debian's user `postgres` runs it."""
    with tempfile.TemporaryDirectory(prefix="waybill-postgres-") as directory:
        as_user = []
        if os.geteuid() == 0:
            as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
            shutil.chown(directory, "postgres")
        data = Path(directory) / "data"
        initdb = [*as_user, str(bin_dir / "initdb"), "-D", str(data), "-U", "waybill", "-A", "trust", "-E", "UTF8"]
        subprocess.run([*initdb, "--locale=C", "--no-sync"], check=True, capture_output=True, cwd=directory)
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        options = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "max_connections": "200"}
        options["autovacuum"] = "off"  # plans that tests look at must not hang on what was counted a moment ago
        server = [*as_user, str(bin_dir / "postgres"), "-D", str(data), "-p", str(port)]
        server += [f"--{name}={value}" for name, value in options.items()]
        running = Cluster(port, server, directory, bin_dir)
        try:
            running.start()
            yield running
        finally:
            running.stop()


def _wait(bin_dir: Path, port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    ready = [str(bin_dir / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port), "-t", "1"]
    for _ in range(300):
        if process.poll() is not None:
            raise RuntimeError(f"PostgreSQL ended at once:\n{log.read_text(errors='replace')}")
        if subprocess.run(ready).returncode == 0:
            return
        try:
            process.wait(0.1)
        except subprocess.TimeoutExpired:
            continue
    raise RuntimeError(f"PostgreSQL did not start within 30 s:\n{log.read_text(errors='replace')}")
