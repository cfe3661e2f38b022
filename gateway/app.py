"""The data plane as a bare ASGI application: one request in, one answer out, exactly one exchange record.

`swap` takes a new snapshot in one assignment: calls in flight finish on the one that they started with.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from catalog.errors import Unavailable
from catalog.log import SUBJECT, Subject
from catalog.metric import MEDIA_TYPE as METRICS_TYPE
from catalog.record import Exchange
from catalog.running import Snapshot
from gateway.call import CLIENT_GONE, Call, Reply
from gateway.compile import Compiled, compile_snapshot
from gateway.forward import Upstream
from gateway.framing import Refusal, problem
from gateway.identifier import Identifiers
from gateway.inbound import Inbound
from gateway.keyset import KeySets
from gateway.problem import CONTENT_TYPE
from gateway.runner import Receive, Runner
from gateway.state.store import Store
from gateway.step import journal_unavailable
from gateway.telemetry import Telemetry
from gateway.trace import continue_trace
from policies.request import Request

log = logging.getLogger(__name__)

_PLAIN = [(b"content-type", b"text/plain; charset=utf-8")]
_NOT_READY = Refusal(503, "not-ready", "The gateway has no snapshot yet.")
_NO_LENGTH = frozenset({204, 304})  # RFC 9110 §8.6

MAX_BODY_BYTES = 1 << 20  # design §11.8


class App:
    """ASGI application. Its own paths are /healthz, /readyz and /metrics; all others are routes of contracts."""

    def __init__(
        self,
        store: Store,
        upstream: Upstream,
        pepper: bytes,
        secrets: Mapping[str, str],
        clock: Callable[[], float],
        monotonic_ns: Callable[[], int],
        ids: Callable[[int], str],
        max_body_bytes: int,
        key_sets: KeySets,
    ) -> None:
        self.telemetry = Telemetry()
        self._store = store
        self._pepper = pepper
        self._secrets = secrets
        self._key_sets = key_sets
        self._clock = clock
        self._monotonic_ns = monotonic_ns
        self._ids = ids
        self._runner = Runner(store, upstream, max_body_bytes, clock, monotonic_ns, key_sets.refresh)
        self._compiled: Compiled | None = None
        self.sample_ratio = 1.0  # of traces that start here
        self.observe: Callable[[Exchange, bool], None] | None = None  # record, whether its trace is sampled
        #: paths that are the gateway's own, with what answers them
        self.own: dict[str, Callable[[], Awaitable[Reply]]] = {
            "/healthz": self._healthz,
            "/readyz": self._readyz,
            "/metrics": self._metrics,
        }

    @property
    def compiled(self) -> Compiled | None:
        """What runs now; None before the first snapshot."""
        return self._compiled

    def swap(self, snapshot: Snapshot) -> None:
        """Take a snapshot into use. Raises `Invalid` when it cannot be, and then the one before goes on."""
        self.use(compile_snapshot(snapshot, self._pepper, self._secrets, self._key_sets.source))

    def use(self, compiled: Compiled) -> None:
        """The second half of `swap`, for who compiles off the loop's thread."""
        if self._compiled is not None:
            compiled.take_over_fields(self._compiled)
        self._compiled = compiled
        self.telemetry.generation = compiled.generation
        self.telemetry.swaps += 1

    async def __call__(self, scope: Any, receive: Receive, send: Any) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        if scope["type"] != "http":
            raise RuntimeError(f"{scope['type']} is not spoken here")
        own = self.own.get(scope["path"])
        if own is not None and scope["method"] in ("GET", "HEAD") and "waybill.refusal" not in scope:
            await _send(send, await own())
            return
        compiled = self._compiled
        if compiled is None:
            await _send(send, Reply(503, [CONTENT_TYPE, (b"retry-after", b"2")], problem(_NOT_READY)))
            return
        self.telemetry.in_flight += 1
        try:
            await self._exchange(self._open(scope, compiled), scope, receive, send)
        finally:
            self.telemetry.in_flight -= 1

    async def refused(self, scope: Any, receive: Receive, send: Any) -> None:
        """Journals and answers what the edge refused: `scope["waybill.refusal"]` is (status, code, detail)."""
        await self(scope, receive, send)

    def _open(self, scope: Any, compiled: Compiled) -> Call:
        started_ns = self._monotonic_ns()
        started_s = self._clock()
        inbound = Inbound(scope["headers"])
        text = self._ids(48)
        trace = continue_trace(
            inbound.traceparents, inbound.tracestates, text[32:48], text[48:80], text[80:96], self.sample_ratio
        )
        SUBJECT.set(Subject(trace.trace_id, trace.span_id, text[:32]))
        raw_path = scope.get("raw_path") or scope["path"].encode()
        request = Request(
            text[:32],
            scope["method"],
            raw_path.decode("latin-1"),
            scope["query_string"].decode("latin-1"),
            scope["headers"],
            started_s,
        )
        request.certificate = scope.get("waybill.peer_certificate")
        return Call(request, inbound, trace, compiled, int(started_s * 1e6), started_ns)

    async def _exchange(self, call: Call, scope: Any, receive: Receive, send: Any) -> None:
        try:
            reply = await self._reply(call, scope, receive)
        except Exception as error:
            # whatever its text says may be the payload's: only the type is told
            log.error("exchange %s failed: %s", call.request.exchange_id, type(error).__name__)
            reply = call.refuse(500, "internal", "The gateway failed to answer.", "gateway")
        is_recorded = call.has_intent
        if call.has_intent:
            # queued before the answer, which a client may take its time with: what settles a doubt comes after it
            call.is_gone = call.is_gone or _has_gone(receive)
            self._record(call, reply)
        elif call.is_mutating and call.request.consumer and (call.code or call.is_replay):
            reply, is_recorded = await self._record_durably(call, reply)
        await self._answer(call, reply, receive, send)
        if not is_recorded:
            self._record(call, reply)

    async def _reply(self, call: Call, scope: Any, receive: Receive) -> Reply:
        refusal = scope.get("waybill.refusal")
        if refusal is not None:
            return call.refuse(*refusal)
        return await self._runner.run(call, scope, receive)

    async def _record_durably(self, call: Call, reply: Reply) -> tuple[Reply, bool]:
        """An authenticated refusal or replay of a mutating call is on disk before it is answered."""
        record = call.record(CLIENT_GONE if call.is_gone else reply.status, len(reply.body), self._monotonic_ns())
        try:
            await self._store.append_durably(record)
        except Unavailable:
            return journal_unavailable(call), False
        self._tell(record, call)
        return reply, True

    def _record(self, call: Call, reply: Reply) -> None:
        record = call.record(CLIENT_GONE if call.is_gone else reply.status, len(reply.body), self._monotonic_ns())
        self._store.append(record)
        self._tell(record, call)

    def _tell(self, record: Exchange, call: Call) -> None:
        self.telemetry.count(record)
        if self.observe is not None:
            self.observe(record, call.trace.is_sampled)

    async def _answer(self, call: Call, reply: Reply, receive: Receive, send: Any) -> None:
        if call.is_gone or (call.upstream_us and not call.has_intent and _has_gone(receive)):
            call.is_gone = True
            return
        headers = [
            *reply.headers,
            *call.answer_headers,
            (b"waybill-exchange", call.request.exchange_id.encode()),
            (b"traceparent", call.trace.traceparent),
        ]
        if call.inbound.asks_for_chain and call.plan is not None and call.request.consumer is not None:
            headers.append((b"waybill-chain", call.plan.chain_header))
        if reply.status not in _NO_LENGTH and not (call.request.method == "HEAD" and not reply.body):
            headers.append((b"content-length", b"%d" % len(reply.body)))
        try:
            await send({"type": "http.response.start", "status": reply.status, "headers": headers})
            await send({"type": "http.response.body", "body": reply.body})
        except OSError:
            call.is_gone = True

    async def _healthz(self) -> Reply:
        return Reply(200, _PLAIN, b"ok\n")

    async def _readyz(self) -> Reply:
        return ready_reply("" if self._compiled is None else self._compiled.name)

    async def _metrics(self) -> Reply:
        return metrics_reply(self.telemetry.text())


def ready_reply(snapshot: str) -> Reply:
    """`snapshot` is the name of what runs, "" when there is none."""
    if not snapshot:
        return Reply(503, _PLAIN, b"no snapshot yet\n")
    return Reply(200, _PLAIN, f"snapshot {snapshot}\n".encode())


def metrics_reply(text: str) -> Reply:
    return Reply(200, [(b"content-type", METRICS_TYPE.encode())], text.encode())


def create_app(
    store: Store,
    upstream: Upstream,
    *,
    pepper: bytes,
    secrets: Mapping[str, str],
    clock: Callable[[], float] = time.time,
    monotonic_ns: Callable[[], int] = time.perf_counter_ns,
    ids: Callable[[int], str] | None = None,
    max_body_bytes: int = MAX_BODY_BYTES,
    key_sets: KeySets | None = None,
) -> App:
    """An application without a snapshot: it answers 503 until `swap`. `ids(n)` gives n random bytes as hex."""
    ids = ids or Identifiers()
    return App(store, upstream, pepper, secrets, clock, monotonic_ns, ids, max_body_bytes, key_sets or KeySets())


def _has_gone(receive: Receive) -> bool:
    """Whether the client has closed its connection, without waiting: asks once and looks at what comes at once."""
    asking = receive()
    try:
        asking.send(None)  # type: ignore[attr-defined]
    except StopIteration as done:
        return bool(done.value["type"] == "http.disconnect")
    except Exception:
        return False
    asking.close()  # type: ignore[attr-defined]
    return False


async def _send(send: Any, reply: Reply) -> None:
    headers = [*reply.headers, (b"content-length", b"%d" % len(reply.body))]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})


async def _lifespan(receive: Receive, send: Any) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
