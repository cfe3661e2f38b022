"""Composition root of a gateway process: puts the parts together, runs them, takes them apart in order."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from catalog.errors import Invalid, Unavailable, WaybillError
from catalog.running import read_snapshot
from catalog.snapshot import Manifest
from gateway.app import create_app
from gateway.backoff import Backoff
from gateway.compile import Compiled, compile_snapshot
from gateway.edge import EdgeSettings
from gateway.expiry import Expiry
from gateway.keyset import KeySets
from gateway.reconcile import Reconciler
from gateway.running import Running
from gateway.secret import Secrets
from gateway.server import serve
from gateway.settings import Settings, split
from gateway.state.backlog import Retention
from gateway.state.group import Limits
from gateway.state.sqlite import SqliteStore
from gateway.sync import enrolment
from gateway.sync.client import ControlPlane
from gateway.sync.command import Commander
from gateway.sync.enrolment import Enrolment, write_whole
from gateway.sync.shipping import Shipper
from gateway.sync.snapshot import Puller, Shelf
from gateway.sync.task import keep
from gateway.telemetry.otlp import OtlpSettings, attach, header_secrets
from gateway.tls import Tls
from gateway.upstream.client import Upstream

log = logging.getLogger(__name__)

POLL_S = 20.0
PRUNE_S = 30.0
LAST_SHIPPING_S = 0.7  # of the five seconds that a stop may take; what is left then ships with the next start


async def run(settings: Settings) -> None:
    """Until SIGTERM or SIGINT. Raises: WaybillError with one readable message when it cannot start."""
    stop = asyncio.Event()
    with _signals(stop):
        secrets = Secrets(settings.secrets)
        enrolled = await _until(stop, _enrolled(settings))
        if enrolled is None:
            return
        store = await SqliteStore.open(
            settings.state_dir, enrolled.gateway, settings.slot, _limits(settings), _retention(settings)
        )
        control_plane = ControlPlane(settings.control_plane, enrolled.credential)
        upstream = Upstream()
        try:
            await Gateway(settings, enrolled, secrets, store, control_plane, upstream).run(stop)
        finally:
            await upstream.close()
            await control_plane.close()
            await store.close()


class Gateway:
    """The parts of a process, and the tasks beside its server."""

    def __init__(
        self,
        settings: Settings,
        enrolled: Enrolment,
        secrets: Secrets,
        store: SqliteStore,
        control_plane: ControlPlane,
        upstream: Upstream,
    ) -> None:
        self._settings = settings
        self._store = store
        self._secrets = secrets
        self._pepper = enrolled.pepper
        self._key_sets = KeySets(settings.state_dir / "keys")
        self._app = create_app(store, upstream, pepper=enrolled.pepper, secrets=secrets, key_sets=self._key_sets)
        shelf = Shelf(settings.state_dir / "snapshot")
        wait_s = min(POLL_S, settings.snapshot_max_age_s / 4 or POLL_S)  # each poll's end confirms the snapshot
        self._puller = Puller(control_plane, shelf, enrolled.public_key, self._compile, self._use, wait_s)
        self._puller.prepare = self._key_sets.first
        instance, scheme = f"{enrolled.gateway}/{settings.slot}", "https" if settings.tls_certificate_file else "http"
        self._exporter = attach(_otlp(settings), self._app, store, secrets, instance, scheme)
        self._shipper = Shipper(control_plane, store)
        self._reconciler = Reconciler(store, upstream, Running(self._app, secrets))
        self._commander = Commander(control_plane, store, {"settle_attention": self._reconciler.settle})
        self._runs = asyncio.Event()
        self._watch()

    def _watch(self) -> None:
        watch, store, shipper = self._app.telemetry.watch, self._store, self._shipper
        text = "Records that found the journal's queue full"
        watch("waybill_records_dropped_total", "counter", text, lambda: store.dropped_records)
        text = "Journal that the control plane does not have yet"
        watch("waybill_backlog_bytes", "gauge", text, lambda: store.backlog_bytes)
        text = "1 when the control plane refuses what is shipped and a person must look"
        watch("waybill_shipping_halted", "gauge", text, lambda: bool(shipper.halted))
        key_sets = self._key_sets
        text = "Issuers of tokens whose keys are due and could not be fetched; those held count until they are too old"
        watch("waybill_key_sets_overdue", "gauge", text, key_sets.overdue)
        text = "Issuers of tokens without keys that count: their tokens are answered 503"
        watch("waybill_key_sets_missing", "gauge", text, key_sets.without_keys)
        text = "Fetches of issuers' keys that came to nothing"
        watch("waybill_key_set_failures_total", "counter", text, lambda: key_sets.failures)

    async def run(self, stop: asyncio.Event) -> None:
        await self._puller.load()
        served: Any = self._app
        steps: list[tuple[str, Callable[[], Awaitable[float]]]] = [
            ("snapshot", self._puller.pull),
            ("shipping", self._shipper.ship),
            ("commands", self._command),
            ("reconcile", self._reconcile),
            ("pruning", self._prune),
            ("keys", self._key_sets.step),
        ]
        if self._settings.snapshot_max_age_s:
            served = Expiry(self._app, self._puller.age_s, self._settings.snapshot_max_age_s)
            steps.append(("expiry", served.step))
        if self._exporter is not None:
            self._exporter.start()
        tasks = [asyncio.create_task(keep(name, step, Backoff()), name=name) for name, step in steps]
        try:
            await self._serve(served, stop)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._key_sets.close()
            await asyncio.gather(self._ship_last(), self._export_last())

    async def _serve(self, served: Any, stop: asyncio.Event) -> None:
        settings = self._settings
        announcing: list[asyncio.Task[None]] = []

        def ready(url: str) -> None:
            announcing.append(asyncio.create_task(self._announce(url)))

        try:
            await serve(
                served,
                host=settings.host,
                port=settings.port,
                ready=ready,
                settings=EdgeSettings(
                    allowed_hosts=frozenset(host.lower() for host in split(settings.allowed_hosts)),
                    trusted_proxies=tuple(split(settings.trusted_proxies)),
                ),
                refused=self._app.refused,
                on_refusal=self._app.telemetry.count_edge_refusal,
                tls=_tls(settings),
                stop=stop,
            )
        except OSError as error:
            raise Unavailable(f"cannot listen at {settings.host}:{settings.port}: {error.strerror}") from error
        finally:
            for task in announcing:
                task.cancel()

    async def _announce(self, url: str) -> None:
        """Say where the gateway is, once it listens and runs a snapshot."""
        log.info("listening at %s as stream %s", url, self._store.stream)
        await self._runs.wait()
        log.info("ready: generation %d", self._puller.generation)
        if self._settings.ready_file is not None:
            write_ready_file(self._settings.ready_file, url)

    def _compile(self, manifest: Manifest, blobs: dict[str, bytes]) -> Compiled:
        self._secrets.reload()
        return compile_snapshot(read_snapshot(manifest, blobs), self._pepper, self._secrets, self._key_sets.source)

    def _use(self, compiled: Compiled) -> None:
        self._app.use(compiled)
        self._runs.set()

    async def _command(self) -> float:
        await self._runs.wait()
        return await self._commander.poll()

    async def _reconcile(self) -> float:
        await self._runs.wait()
        return await self._reconciler.step()

    async def _prune(self) -> float:
        removed = await self._store.prune(time.time())
        return PRUNE_S if removed == 0 else 0.1

    async def _ship_last(self) -> None:
        with suppress(TimeoutError, WaybillError):
            await asyncio.wait_for(self._ship_rest(), LAST_SHIPPING_S)

    async def _export_last(self) -> None:
        if self._exporter is not None:
            await asyncio.to_thread(self._exporter.stop, LAST_SHIPPING_S)

    async def _ship_rest(self) -> None:
        while not self._shipper.halted and await self._store.unshipped(1) is not None:
            await self._shipper.ship()


async def _enrolled(settings: Settings) -> Enrolment:
    """What the state directory holds, else by the one-time token, waiting for a control plane that is away."""
    found = enrolment.load(settings.state_dir)
    if found is not None:
        return found
    token = settings.token
    if not token:
        raise Invalid(
            f"{settings.state_dir} has not enrolled yet: --enrolment-token or --enrolment-token-file is needed "
            "(`waybill gateway token` makes one)"
        )
    backoff = Backoff()
    client = ControlPlane(settings.control_plane)
    try:
        while True:
            try:
                return await enrolment.enrol(client, settings.state_dir, token, settings.name)
            except Unavailable as error:
                log.warning("not enrolled yet: %s", error)
                await asyncio.sleep(backoff.next_s())
    finally:
        await client.close()


async def _until(stop: asyncio.Event, coroutine: Coroutine[Any, Any, Enrolment]) -> Enrolment | None:
    """The coroutine's result; None when `stop` came first."""
    work = asyncio.create_task(coroutine)
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
        return work.result() if work.done() else None
    finally:
        work.cancel()
        stopping.cancel()


def _limits(settings: Settings) -> Limits:
    return Limits(max_backlog_bytes=settings.max_backlog_bytes, max_database_bytes=settings.max_database_bytes or None)


def _retention(settings: Settings) -> Retention:
    return Retention(settings.claim_retention_s, settings.batch_retention_s)


def _otlp(settings: Settings) -> OtlpSettings:
    return OtlpSettings(
        settings.otlp_endpoint,
        header_secrets(settings.otlp_headers),
        settings.otlp_sample_ratio,
        settings.otlp_metric_interval_s,
        settings.otlp_queue,
    )


def _tls(settings: Settings) -> Tls | None:
    if not settings.tls_certificate_file:
        if settings.tls_client_ca_file:
            raise Invalid("--tls-client-ca-file needs --tls-certificate-file")
        return None
    if not settings.tls_key_file:
        raise Invalid("--tls-certificate-file needs --tls-key-file")
    is_optional = settings.tls_client_certificate == "optional"
    return Tls(settings.tls_certificate_file, settings.tls_key_file, settings.tls_client_ca_file or None, is_optional)


def write_ready_file(path: Path, url: str) -> None:
    """Written whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps({"url": url, "pid": os.getpid()}).encode())


@contextmanager
def _signals(stop: asyncio.Event) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
