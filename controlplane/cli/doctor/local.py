"""The workspace and what `waybill up` keeps and runs beside it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
from cryptography import x509

from catalog.errors import Invalid, Problem
from catalog.inventory import Workspace
from controlplane.cli.connection import STATE_DIR
from controlplane.cli.doctor.check import Check, good, mind, wrong
from controlplane.cli.workspace import read_workspace

SOON = timedelta(days=30)
FETCH_S = 5.0
AREA = "workspace"
SECRETS = ("connection.json", "keys.json", "admin-token", "dashboard-token", "enrolment-token", "controlplane/keys/*")
DISCOVERY = "/.well-known/openid-configuration"  # OpenID Connect Discovery 1.0, 4


def local(directory: Path, now: datetime) -> Iterator[Check]:
    """A directory that is no workspace has one check only, which says so."""
    from controlplane.registry.candidate import load_workspace

    try:
        loaded = load_workspace(read_workspace(directory))
    except Invalid as error:
        yield _invalid(directory, error.problems or (Problem(error.detail),))
    else:
        yield good(AREA, "files", f"{loaded.name}: {len(loaded.contracts)} contracts, {len(loaded.entities)} entities")
        yield from _sunsets(loaded, now)
        yield from _certificates(loaded, directory, now)
        yield from _issuers(loaded, directory)
    yield from _secrets(directory / STATE_DIR)
    yield from _ports(directory / STATE_DIR)


def _invalid(directory: Path, problems: tuple[Problem, ...]) -> Check:
    first = problems[0]
    if not (directory / "waybill.yaml").is_file():
        return mind(AREA, "files", f"{directory} is no workspace", "name one: waybill doctor DIR")
    more = f", and {len(problems) - 1} more" if len(problems) > 1 else ""
    return wrong(AREA, "files", f"{first.file}#{first.pointer}: {first.message}{more}", f"waybill lint {directory}")


def _sunsets(loaded: Workspace, now: datetime) -> Iterator[Check]:
    for contract in loaded.contracts.values():
        for version, state in contract.versions.items():
            if state.sunset_at is None or state.state == "retired":
                continue
            end = datetime.fromisoformat(state.sunset_at)
            if end - now < SOON:
                told = f"{contract.contract}@{version} {'ended' if end < now else 'ends'} {end:%Y-%m-%d}"
                yield mind(AREA, "sunset", told, "move its consumers on, or move the date in contract.yaml")


def _certificates(loaded: Workspace, directory: Path, now: datetime) -> Iterator[Check]:
    for system in loaded.systems.values():
        if system.ca_file:
            yield _certificate(f"CA of {system.system}", directory / system.ca_file, now)


def _certificate(name: str, path: Path, now: datetime) -> Check:
    try:
        end = min(each.not_valid_after_utc for each in x509.load_pem_x509_certificates(path.read_bytes()))
    except (OSError, ValueError) as error:
        return mind(AREA, name, f"{path} cannot be read here: {error}", "see that gateways can read it where they run")
    told = f"{path.name} is good until {end:%Y-%m-%d}"
    if end < now:
        return wrong(AREA, name, told, "renew it: https to this system fails")
    return mind(AREA, name, told, "renew it in time") if end - now < SOON else good(AREA, name, told)


def _issuers(loaded: Workspace, directory: Path) -> Iterator[Check]:
    """Keys of token issuers that lie at a URL: whether they can be fetched from here."""
    from policies.keyset import Issuer

    for envelope in loaded.envelopes.values():
        for stated in envelope.config.get("issuers", ()):
            issuer = msgspec.convert(stated, Issuer)
            if issuer.jwks_url or issuer.discovery:
                yield _issuer(issuer.issuer, issuer.jwks_url or issuer.issuer.rstrip("/") + DISCOVERY, issuer.jwks_url)


def _issuer(name: str, url: str, jwks_url: str | None) -> Check:
    try:
        with httpx.Client(timeout=FETCH_S, trust_env=False) as client:
            found = client.get(url if jwks_url else client.get(url).raise_for_status().json()["jwks_uri"])
            count = len(found.raise_for_status().json()["keys"])
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError) as error:
        told = f"no keys from {url}: {str(error) or type(error).__name__}"
        return mind(
            AREA, f"issuer {name}", told, "see that the issuer runs; gateways use its last keys for max_stale_s"
        )
    return good(AREA, f"issuer {name}", f"{count} keys at {url}")


def _secrets(state: Path) -> Iterator[Check]:
    files = [path for pattern in SECRETS for path in sorted(state.glob(pattern)) if path.is_file()]
    open_ = [path for path in files if path.stat().st_mode & 0o077]
    if open_:
        names = " ".join(str(path) for path in open_)
        yield wrong("local", "secrets", f"others on this machine can read {names}", f"chmod 600 {names}")
    elif files:
        yield good("local", "secrets", f"{len(files)} files, readable by their owner only")


def _ports(state: Path) -> Iterator[Check]:
    """Servers of `waybill up`: running ones answer; where one ran before, nobody else listens now."""
    for name, url in _read(state / "addresses.json").items():
        address = httpx.URL(str(url))
        running = _read(state / f"{name.replace(' ', '-')}.ready.json")
        listening = _is_listening(address.host, address.port or 80)
        if running:
            yield _running(name, str(url), listening, running.get("pid"))
        elif listening:
            remedy = "nothing to do: `waybill up` takes another port; to keep this one, end what listens there"
            yield mind("local", name, f"another program listens at {url}", remedy)


def _running(name: str, url: str, is_listening: bool, pid: Any) -> Check:
    if is_listening:
        return good("local", name, f"listens at {url} (process {pid})")
    return wrong("local", name, f"should listen at {url} and does not", "start it again: waybill up")


def _read(path: Path) -> dict[str, Any]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except (OSError, msgspec.DecodeError):
        return {}


def _is_listening(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), 1.0).close()
    except OSError:
        return False
    return True


def utc_now() -> datetime:
    return datetime.now(UTC)
