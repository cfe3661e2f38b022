"""Exchanges that end when nobody is there any more who could tell of them, and doubts that are settled later."""

import asyncio
import re
import signal
import time

from catalog import conventions as names
from tests.collector import collector
from tests.gateway.state.sample import run
from tests.gateway.telemetry.test_otlp import exporting_to
from tests.gateway.test_main import host, http, order
from tests.gateway.test_reconcile import doubtful


def test_killed_in_the_middle_of_a_call(tmp_path):
    """The successor tells the request's span, under the ids that the system was given, from the request's start until
    the end was known, and no span of the call, which nobody timed. The reconciler's finding is a child of it."""

    async def go(sink):
        async with host(tmp_path) as it:
            it.publish()
            it.erp.stalling = asyncio.Event()
            await it.start()
            began_s = time.time()
            calling = asyncio.create_task(it.create())
            await it.until(lambda: it.erp.posts)
            killed_s = time.time()
            await it.stop(signal.SIGKILL)
            await asyncio.gather(calling, return_exceptions=True)
            it.erp.orders = [order()]
            await it.start("--otlp-endpoint", sink.url)
            await it.until(lambda: len([span for span in sink.spans if names.EXECUTED in span.attributes]) >= 2)
            known_s = time.time()
            assert await it.stop() == 0
            it.erp.stalling.set()
            return re.search(rb"traceparent: 00-(\w+)-", it.erp.posts[0].head)[1].decode(), began_s, killed_s, known_s

    with collector() as sink:
        trace_id, began_s, killed_s, known_s = asyncio.run(go(sink))
    recovered, settled = sink.spans
    assert {recovered.trace_id, settled.trace_id} == {trace_id}
    assert (recovered.name, recovered.kind, recovered.status) == ("POST /buying/v1/orders", 2, 2)
    assert (recovered.attributes[names.RECOVERED], recovered.attributes[names.EXECUTED]) == (True, "unknown")
    assert (settled.name, settled.kind, settled.status) == ("settle POST /buying/v1/orders", 1, 0)
    assert (settled.attributes[names.RECONCILED], settled.attributes[names.EXECUTED]) == (True, "yes")
    assert settled.parent_span_id == recovered.span_id != settled.span_id
    assert settled.attributes[names.EXCHANGE_ID] == recovered.attributes[names.EXCHANGE_ID]
    for span in (recovered, settled):
        assert began_s <= span.started_ns / 1e9 <= killed_s <= span.ended_ns / 1e9 <= known_s


def test_a_doubt_that_is_settled(tmp_path):
    """Found by the look-up or said by a person: one more span in the trace of the call, beneath the one that did not
    know; what the call made is told when it was executed."""

    async def go(sink, by_person):
        (tmp_path / str(by_person)).mkdir()
        async with doubtful(tmp_path / str(by_person)) as it, exporting_to(sink, it.gateway) as exporter:
            it.reconciler.told = exporter.offer_late
            assert (await it.create()).status == 504
            if by_person:
                it.erp.get_answer = http(500, {})
                for _ in range(10):
                    await it.step(60)
                assert (await it.settle("not_executed")).result == "done"
            else:
                it.erp.orders = [order()]
                await it.step()

    for by_person, executed in ((False, "yes"), (True, "no")):
        with collector() as sink:
            run(lambda by_person=by_person, sink=sink: go(sink, by_person))
        doubt, call, settled = sink.spans
        assert (doubt.attributes[names.EXECUTED], call.parent_span_id) == ("unknown", doubt.span_id)
        assert (settled.trace_id, settled.parent_span_id) == (doubt.trace_id, doubt.span_id)
        assert settled.attributes[names.EXECUTED] == executed
        assert settled.attributes.get(names.RECONCILED, False) is not by_person
        assert names.RECOVERED not in settled.attributes
        assert (settled.attributes.get(names.OBJECT_KEY) == "PO-1") is not by_person
