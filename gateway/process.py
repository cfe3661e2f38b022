"""Composition root of a gateway process: puts the parts together, runs them, takes them apart in order."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from catalog import conventions as names
from catalog.errors import Invalid, Unavailable, WaybillError
from catalog.snapshot import Manifest
from gateway.admission import enrolled as enrolled_as
from gateway.admission import stopping, until
from gateway.app import create_app
from gateway.backoff import Backoff
from gateway.compile import Compiled
from gateway.edge import EdgeSettings
from gateway.expiry import Expiry
from gateway.keyset import KeySets
from gateway.loading import Loading, release, settle_collector
from gateway.reconcile import Reconciler
from gateway.running import Running
from gateway.secret import Secrets
from gateway.server import serve
from gateway.settings import Settings, split
from gateway.sibling import Siblings
from gateway.state.backlog import Retention
from gateway.state.group import Limits
from gateway.state.sqlite import SqliteStore
from gateway.state.store import Store
from gateway.supervisor import Inherited, slot_dir
from gateway.sync import enrolment
from gateway.sync.client import ControlPlane
from gateway.sync.command import Commander, renewal
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
NOT_LISTENING_S = 1.0  # another process takes commands; this one asks again whether that is still so
NO_GROUP = "default"  # what gateways belong to that share their state with no other
LAST_SHIPPING_S = 0.7  # of the five seconds that a stop may take; what is left then ships with the next start


async def run(settings: Settings, inherited: Inherited | None = None) -> None:
    """Until SIGTERM or SIGINT, or until the supervisor is gone. Raises: WaybillError with one readable message when it
    cannot start, or when its group has declared it dead."""
    stop = asyncio.Event()
    with stopping(stop), _lifeline(stop, inherited):
        secrets = Secrets(settings.secrets)
        enrolled = await until(stop, enrolled_as(settings))
        store = None if enrolled is None else await until(stop, _open_store(settings, enrolled))
        if enrolled is None or store is None:
            return
        newest = partial(enrolment.credential, settings.state_dir)
        control_plane = ControlPlane(settings.control_plane, enrolled.credential, newest=newest)
        upstream = Upstream()
        watching = asyncio.create_task(_stop_when_lost(store, stop))
        try:
            await Gateway(settings, enrolled, secrets, store, control_plane, upstream, inherited).run(stop)
        finally:
            watching.cancel()
            await upstream.close()
            await control_plane.close()
            await store.close()
        if store.lost.is_set():
            raise Unavailable(f"{store.stream} was declared dead by its group, which finishes what it had begun")


async def _open_store(settings: Settings, enrolled: Enrolment) -> Store:
    limits = Limits(
        max_backlog_bytes=settings.max_backlog_bytes, max_database_bytes=settings.max_database_bytes or None
    )
    retention = Retention(settings.claim_retention_s, settings.batch_retention_s)
    if not settings.state_url:
        return await SqliteStore.open(settings.state_dir, enrolled.gateway, settings.slot, limits, retention)
    from gateway.state.postgres.store import PostgresStore

    shared_by = f"gateway {enrolled.gateway}" if enrolled.group == NO_GROUP else f"group {enrolled.group}"
    return await PostgresStore.open(settings.state_url, enrolled.gateway, settings.slot, shared_by, limits, retention)


async def _stop_when_lost(store: Store, stop: asyncio.Event) -> None:
    await store.lost.wait()
    stop.set()


@contextmanager
def _lifeline(stop: asyncio.Event, inherited: Inherited | None) -> Iterator[None]:
    """The end of the supervisor is the end of its children."""
    loop = asyncio.get_running_loop()

    def gone() -> None:
        log.error("the supervisor is gone")
        if inherited is not None:
            loop.remove_reader(inherited.lifeline)
        stop.set()

    if inherited is not None:
        loop.add_reader(inherited.lifeline, gone)
    try:
        yield
    finally:
        if inherited is not None:
            loop.remove_reader(inherited.lifeline)


class Gateway:
    """The parts of a process, and the tasks beside its server."""

    def __init__(
        self,
        settings: Settings,
        enrolled: Enrolment,
        secrets: Secrets,
        store: Store,
        control_plane: ControlPlane,
        upstream: Upstream,
        inherited: Inherited | None = None,
    ) -> None:
        self._settings = settings
        self._inherited = inherited
        own_dir = slot_dir(settings.state_dir, settings.slot if inherited else 0)
        self._store = store
        self._secrets = secrets
        self._key_sets = KeySets(own_dir / "keys")
        self._app = create_app(store, upstream, pepper=enrolled.pepper, secrets=secrets, key_sets=self._key_sets)
        self._loading = Loading(enrolled.pepper, self._key_sets.source, tells_fields=settings.tell_fields)
        shelf = Shelf(own_dir / "snapshot")
        wait_s = min(POLL_S, settings.snapshot_max_age_s / 4 or POLL_S)  # each poll's end confirms the snapshot
        self._puller = Puller(control_plane, shelf, enrolled.public_key, self._compile, self._use, wait_s)
        self._puller.known = self._loading.known
        self._puller.prepare = self._key_sets.first
        self._puller.agreed = store.note_generation
        instance, scheme = f"{enrolled.gateway}/{settings.slot}", "https" if settings.tls_certificate_file else "http"
        self._exporter = attach(_otlp(settings), self._app, store, secrets, instance, scheme)
        self._shipper = Shipper(control_plane, store)
        self._reconciler = Reconciler(store, upstream, Running(self._app, secrets))
        if self._exporter is not None:
            self._reconciler.told = self._exporter.offer_late
        handlers = {
            "settle_attention": self._reconciler.settle,
            "renew_credential": renewal(control_plane, settings.state_dir),
        }
        self._commander = Commander(control_plane, store, handlers)
        self._runs = asyncio.Event()
        together = inherited and inherited.together
        self._siblings = together and Siblings(self._app, settings.slot, together)
        self._watch()

    def _watch(self) -> None:
        watch, store, shipper = self._app.telemetry.watch, self._store, self._shipper
        validators, key_sets = self._loading.validators, self._key_sets
        watch(names.RECORDS_DROPPED, lambda: store.dropped_records)
        watch(names.BACKLOG, lambda: store.backlog_bytes)
        watch(names.SHIPPING_HALTED, lambda: int(bool(shipper.halted)))
        watch(names.COMPILED_SCHEMA_BYTES, lambda: validators.compiled_bytes)
        watch(names.SCHEMA_COMPILATIONS, lambda: validators.compilations)
        watch(names.KEY_SETS_OVERDUE, key_sets.overdue)
        watch(names.KEY_SETS_MISSING, key_sets.without_keys)
        watch(names.KEY_SET_FAILURES, lambda: key_sets.failures)

    async def run(self, stop: asyncio.Event) -> None:
        settle_collector()
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
        if self._siblings is not None:
            await self._siblings.start()
        tasks = [asyncio.create_task(keep(name, step, Backoff()), name=name) for name, step in steps]
        try:
            await self._serve(served, stop)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._key_sets.close()
            if self._siblings is not None:
                await self._siblings.close()
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
                listener=self._inherited and self._inherited.listener,
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
        if self._inherited is not None:
            self._inherited.ready(url)

    def _compile(self, manifest: Manifest, blobs: dict[str, bytes]) -> Compiled:
        self._secrets.reload()
        return self._loading.compile(manifest, blobs, self._secrets)

    def _use(self, compiled: Compiled) -> None:
        before = self._app.compiled
        self._app.use(compiled)
        self._runs.set()
        if before is not None:
            asyncio.get_running_loop().run_in_executor(None, release, before.plans())

    async def _command(self) -> float:
        await self._runs.wait()
        return await self._commander.poll() if await self._store.listens() else NOT_LISTENING_S

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
