"""TLS of the listener: its files are read again when they change, so that replacing a certificate needs no restart.

The listening context never changes; each handshake is given the newest one before certificates are chosen and checked
(Python's `sni_callback`, called for clients without server name too). Connections that stand stay as they are, and a
client of TLS 1.2 may resume its session for five minutes, still under the certificate that began it; behind client
authentication TLS 1.3 resumes none.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from pathlib import Path

import msgspec

from catalog.errors import Invalid
from policies.certificate import Certificate, read_certificate

log = logging.getLogger(__name__)

LOOK_S = 1.0  # between two looks at the files


class Tls(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """PEM files. With `client_ca_file` clients are asked for a certificate of one of its CAs; whoever shows another one
    is turned away, and so is who shows none unless `is_client_optional`."""

    certificate_file: str
    key_file: str
    client_ca_file: str | None = None
    is_client_optional: bool = False


class Listening:
    """`context` is what the server listens with."""

    def __init__(self, tls: Tls) -> None:
        """Raises: Invalid when a file is missing or holds something else."""
        self._tls = tls
        self._stamp = _stamp(tls)
        self._newest = make_context(tls)
        self.context = make_context(tls)
        self.context.sni_callback = self._choose
        self._failed: object = None

    async def watch(self) -> None:
        """Take changed files into use, for as long as the server runs."""
        while True:
            await asyncio.sleep(LOOK_S)
            await asyncio.to_thread(self.look)

    def look(self) -> None:
        """Take changed files into use; what does not fit together leaves things as they are."""
        stamp = _stamp(self._tls)
        if stamp in (self._stamp, self._failed):
            return
        try:
            self._newest = make_context(self._tls)
        except Invalid as error:
            self._failed = stamp
            log.error("changed TLS files are not taken into use: %s", error)
            return
        self._stamp, self._failed = stamp, None
        log.info("changed TLS files are in use for new connections")

    def _choose(self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        connection.context = self._newest


def make_context(tls: Tls) -> ssl.SSLContext:
    """TLS 1.2 and later. Raises: Invalid."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    try:
        context.load_cert_chain(tls.certificate_file, tls.key_file)
    except (OSError, ValueError) as error:
        files = f"{tls.certificate_file} and {tls.key_file}"
        raise Invalid(f"{files} cannot be used as certificate and key: {_said(error)}") from error
    if tls.client_ca_file is None:
        return context
    try:
        context.load_verify_locations(tls.client_ca_file)
    except (OSError, ValueError) as error:
        raise Invalid(f"{tls.client_ca_file} cannot be used as clients' CA: {_said(error)}") from error
    context.verify_mode = ssl.CERT_OPTIONAL if tls.is_client_optional else ssl.CERT_REQUIRED
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 0  # of TLS 1.3
    return context


def peer_of(transport: asyncio.BaseTransport) -> Certificate | None:
    """The certificate that the client showed and TLS has verified; one that cannot be read names nobody."""
    tls = transport.get_extra_info("ssl_object")
    der = None if tls is None else tls.getpeercert(binary_form=True)
    try:
        return read_certificate(der) if der else None
    except ValueError as error:
        log.warning("a client's certificate cannot be read: %s", error)
        return None


def _said(error: Exception) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error) or "not PEM"


def _stamp(tls: Tls) -> tuple[tuple[int, int, int], ...]:
    found = []
    for name in (tls.certificate_file, tls.key_file, tls.client_ca_file):
        with contextlib.suppress(OSError):
            told = Path(name or "").stat()
            found.append((told.st_mtime_ns, told.st_size, told.st_ino))
    return tuple(found)
