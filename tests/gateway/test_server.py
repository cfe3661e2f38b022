"""The server as a process: address, signals, running requests, TLS with client certificates."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gateway.server import serve
from gateway.tls import Tls
from policies.certificate import read_certificate
from tests.gateway.certificate import Authority
from tests.gateway.wire import answer, running_edge

PROGRAM = """
import asyncio, uvloop
from gateway.server import serve
from tests.gateway.wire import answer

async def app(scope, receive, send):
    await asyncio.sleep(float(scope["path"][1:]))
    await answer(send, 200, b"done")

async def main():
    await serve(app, ready=lambda url: print(url, flush=True))
    print("tidied up", flush=True)

uvloop.run(main())
"""
GET = b"GET /%s HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture
def process():
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True) as running:
        try:
            yield running
        finally:
            running.kill()


def connect(process) -> socket.socket:
    port = int(process.stdout.readline().rpartition(":")[2])
    return socket.create_connection(("127.0.0.1", port), timeout=10)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stops_gracefully(process, number):
    """A running request is answered, idle connections are closed, the caller gets to tidy up, the exit code is 0."""
    with connect(process) as busy, socket.create_connection(busy.getpeername()) as idle:
        busy.sendall(GET % b"1.0")
        time.sleep(0.3)
        process.send_signal(number)
        assert idle.recv(10) == b""
        assert busy.recv(1000).endswith(b"done")
    assert (process.stdout.read(), process.wait(timeout=5)) == ("tidied up\n", 0)


def test_stops_within_five_seconds(process):
    """A request that does not end is given up."""
    with connect(process) as busy:
        busy.sendall(GET % b"60")
        time.sleep(0.3)
        started = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
        assert time.monotonic() - started < 5.5


def test_address_in_use_is_an_error():
    """A port that is taken raises OSError instead of ending the process."""
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        asyncio.run(serve(lambda scope, receive, send: None, port=taken.getsockname()[1]))


def test_peer_certificate(tmp_path):
    """Behind TLS client authentication the application sees the client's certificate; without one nobody gets in."""
    authority = Authority(tmp_path)
    tls = Tls(*authority.issue("localhost"), client_ca_file=authority.file)
    client_certificate, client_key = authority.issue("client")
    seen = []

    async def app(scope, receive, send):
        seen.append((scope["scheme"], scope["waybill.peer_certificate"]))
        await answer(send, 200, b"ok")

    with running_edge(app, tls=tls) as edge:
        context = ssl.create_default_context(cafile=authority.file)
        with edge.client() as client, contextlib.suppress(ssl.SSLError, ConnectionError):
            secure = context.wrap_socket(client.socket, server_hostname="localhost")
            client.socket = secure
            secure.sendall(GET % b"")
            assert secure.recv(100) == b""
        context.load_cert_chain(client_certificate, client_key)
        with edge.client() as client, context.wrap_socket(client.socket, server_hostname="localhost") as secure:
            secure.sendall(GET % b"")
            assert secure.recv(1000).endswith(b"ok")
    shown = read_certificate(ssl.PEM_cert_to_DER_cert(Path(client_certificate).read_text()))
    assert seen == [("https", shown)]
    assert (shown.subject, shown.names) == ("CN=client", {"dns:client"})
