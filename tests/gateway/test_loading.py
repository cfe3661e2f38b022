"""Loading snapshots beside the loop: incremental, compiled on first use, nothing left to the collector."""

import gc
import weakref

import pytest

from catalog.compile import compile_snapshot
from catalog.running import read_snapshot
from catalog.schema import Validators
from catalog.snapshot import Manifest
from controlplane.registry.candidate import load_workspace
from gateway.loading import Loading, release
from tests.bench import estate

CONTRACTS = 6


@pytest.fixture(scope="module")
def parts():
    return compile_snapshot(load_workspace(estate.files(CONTRACTS, "http://127.0.0.1:9", 800)), {})


@pytest.fixture
def loading():
    yield Loading(b"p" * 32, lambda issuer, where: None)
    gc.unfreeze()


def compiled(loading, parts, generation):
    return loading.compile(Manifest(generation, "2026-01-01T00:00:00Z", parts[0]), parts[1], {})


def test_no_schema_is_compiled_before_it_is_used(loading, parts):
    """There is a unit for each distinct schema and none of them is compiled; of two operations that share a schema
    the second compiles nothing."""
    running = compiled(loading, parts, 1)
    assert len(running) == CONTRACTS * estate.OPERATIONS
    texts = read_snapshot(Manifest(1, "", parts[0]), parts[1], Validators(is_lazy=True))
    distinct = {
        handle.sha256
        for version in texts.versions
        for operation in version.operations
        for content in (operation.request_schemas, *operation.response_schemas.values())
        for handle in content.values()
    } | {
        loading.validators.handle(parameter.schema).sha256
        for version in texts.versions
        for operation in version.operations
        for parameter in operation.parameters
    }
    assert len(distinct) == len(loading.validators)
    assert loading.validators.compilations == 0
    write, read = (running.plan("bulk.c-0000", "1.0.0", f"things0.{verb}").operation for verb in ("write", "read"))
    shared = [operation.response_schemas[status]["application/json"]
              for operation, status in ((write, "201"), (read, "200"))]  # fmt: skip
    for handle in shared:
        assert loading.validators.is_valid(handle, {"id": "1"})
        assert not loading.validators.is_valid(handle, {"id": 1})
    assert loading.validators.compilations == 1


def test_the_next_snapshot_reads_only_what_changed(loading, parts):
    """Versions that are the same are the very same objects, and the validators are shared."""
    first = compiled(loading, parts, 1)
    known = len(loading.validators)
    files = estate.files(CONTRACTS, "http://127.0.0.1:9", 800)
    files["contracts/bulk/c-0001/contract.yaml"] = files["contracts/bulk/c-0001/contract.yaml"].replace(
        "owner: team", "owner: other"
    )
    second = compiled(loading, compile_snapshot(load_workspace(files), {}), 2)
    for number in range(CONTRACTS):
        plans = [each.plan(f"bulk.c-{number:04}", "1.0.0", "things0.read") for each in (first, second)]
        assert (plans[0].version is plans[1].version) == (number != 1)
    assert len(loading.validators) == known


def test_what_ran_before_is_freed_by_counting_references_alone(loading, parts):
    """Once the next snapshot runs, nothing of the one before waits for the collector, which no longer sees it."""
    first = compiled(loading, parts, 1)
    watched = [weakref.ref(first), weakref.ref(first.router), *(weakref.ref(plan.resolver) for plan in first.plans())]
    gc.disable()
    try:
        plans = first.plans()
        del first
        release(plans)
        assert [ref() for ref in watched] == [None] * len(watched)
    finally:
        gc.enable()


def test_compiled_schemas_are_bounded_and_come_back(parts):
    """However many schemas are used, no more text than allowed is compiled at a time; verdicts stay the same."""
    loading = Loading(b"p" * 32, lambda issuer, where: None, most_compiled_bytes=4_000)
    try:
        running = compiled(loading, parts, 1)
        for _ in range(3):
            for plan in running.plans():
                for handle in plan.operation.request_schemas.values():
                    assert loading.validators.is_valid(handle, {"id": "1"})
                    assert not loading.validators.is_valid(handle, {})
                    assert 0 < loading.validators.compiled_bytes <= 4_000
        assert loading.validators.compilations > CONTRACTS * 6  # some were dropped and compiled again
    finally:
        gc.unfreeze()


def test_no_document_outlives_its_reading(loading, parts):
    """What was decoded to be read is gone when the snapshot runs, without a collection."""
    gc.disable()
    try:
        gc.collect()
        running = compiled(loading, parts, 1)
        gc.disable()  # `compile` has put it on again
        gc.unfreeze()
        documents = [each for each in gc.get_objects() if type(each) is dict and type(each.get("info")) is dict]
        titles = [str(document["info"].get("title")) for document in documents]
        assert [title for title in titles if title.startswith("Contract ")] == []
        assert len(running) == CONTRACTS * estate.OPERATIONS
    finally:
        gc.enable()
