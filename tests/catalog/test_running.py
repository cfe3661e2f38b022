"""A snapshot read back by a gateway: the same meaning, or refused with the blob's name."""

import msgspec
import pytest

from catalog.compile import compile_snapshot
from catalog.errors import Invalid
from catalog.running import read_snapshot
from catalog.schema import Validators
from catalog.snapshot import BlobRef, Manifest, canonical_json, sha256_hex
from catalog.workspace import load, read_directory
from tests.catalog.workspace import GOOD


@pytest.fixture(scope="module")
def workspace():
    return load(read_directory(GOOD))


@pytest.fixture
def parts(workspace):
    refs, blobs = compile_snapshot(workspace, {})
    return Manifest(1, "2026-01-01T00:00:00Z", refs), dict(blobs)


def unpacked(operation):
    """An operation with its schemas as the workspace has them."""
    return msgspec.structs.replace(
        operation,
        request_schemas={media: handle.unit.schema() for media, handle in operation.request_schemas.items()},
        response_schemas={
            status: {media: handle.unit.schema() for media, handle in content.items()}
            for status, content in operation.response_schemas.items()
        },
    )


def test_round_trip(workspace, parts):
    """What a gateway reads is what the workspace said, operations with their schemas included."""
    snapshot = read_snapshot(*parts)
    assert [v.ref for v in snapshot.versions] == [v.ref for v in workspace.versions]
    read = [tuple(map(unpacked, version.operations)) for version in snapshot.versions]
    assert read == [version.operations for version in workspace.versions]
    assert [v.sha256 for v in snapshot.versions] == [v.sha256 for v in workspace.versions]
    assert [v.state for v in snapshot.versions] == [v.state for v in workspace.versions]
    assert snapshot.schemas == workspace.schemas
    assert (snapshot.entities, snapshot.systems) == (workspace.entities, workspace.systems)
    assert snapshot.bindings == workspace.bindings
    assert {name: blob.consumer for name, blob in snapshot.consumers.items()} == workspace.consumers
    assert {blob.envelope.name: blob.envelope for blob in snapshot.policies} == workspace.envelopes


def test_schemas_are_compiled_when_it_loads_or_on_first_use(parts):
    """Validators that are not lazy have compiled every schema of every operation; lazy ones know as many, and none."""
    eager, lazy = Validators(), Validators(is_lazy=True)
    snapshots = [read_snapshot(*parts, eager), read_snapshot(*parts, lazy)]
    assert eager.compilations == len(eager) >= len(lazy) > 3
    assert lazy.compilations == 0
    for version in snapshots[1].versions:
        for operation in version.operations:
            for handle in operation.request_schemas.values():
                lazy.is_valid(handle, {})
                lazy.is_valid(handle, {})
    assert 0 < lazy.compilations < len(lazy)


def test_what_is_known_is_not_read_again(parts):
    """A version whose blob is the same is the very object of the snapshot before; a changed one is read."""
    manifest, blobs = parts
    validators = Validators(is_lazy=True)
    before = read_snapshot(manifest, blobs, validators)
    contracts = {ref.sha256 for ref in manifest.blobs if ref.kind == "contract"}
    rest = {sha256: data for sha256, data in blobs.items() if sha256 not in contracts}
    after = read_snapshot(manifest, rest, validators, before.read)
    assert all(one is other for one, other in zip(before.versions, after.versions, strict=True))
    with pytest.raises(Invalid, match="refused"):
        read_snapshot(manifest, rest, validators)


def replaced(manifest, blobs, name, data):
    """The parts with one blob's bytes and hash replaced, as a forger with the signing key could."""
    refs = tuple(
        BlobRef(ref.kind, ref.name, sha256_hex(data), len(data)) if ref.name == name else ref for ref in manifest.blobs
    )
    return Manifest(manifest.generation, manifest.created_at, refs), {**blobs, sha256_hex(data): data}


def refusals(manifest, blobs):
    with pytest.raises(Invalid) as caught:
        read_snapshot(manifest, blobs)
    return [problem.message for problem in caught.value.problems]


def test_missing_blob(parts):
    """A blob that is not there is named."""
    manifest, blobs = parts
    ref = next(ref for ref in manifest.blobs if ref.kind == "entity")
    del blobs[ref.sha256]
    assert refusals(manifest, blobs) == [f"blob entity {ref.name}: is missing"]


@pytest.mark.parametrize("name", ["north", "erp", "buyer", "limits", "money@1.0.0", "orders.purchases@1.1.0"])
def test_altered_blob(parts, name):
    """One altered byte in any blob is found, and the blob named."""
    manifest, blobs = parts
    ref = next(ref for ref in manifest.blobs if ref.name == name)
    blobs[ref.sha256] = blobs[ref.sha256].replace(b"e", b"E", 1)
    assert f"blob {ref.kind} {name}: is not what its hash says" in refusals(manifest, blobs)


def test_altered_schema_under_a_new_hash(parts):
    """A contract's pin finds a schema that was exchanged together with its hash in the manifest."""
    manifest, blobs = parts
    ref = next(ref for ref in manifest.blobs if ref.name == "money@1.0.0")
    data = blobs[ref.sha256].replace(b"{1,18}", b"{1,99}")
    assert refusals(*replaced(manifest, blobs, "money@1.0.0", data)) == [
        f"blob contract {ref}: schema money@1.0.0 is not the one that was pinned"
        for ref in ("orders.purchase-events@1.0.0", "orders.purchases@1.1.0")
    ]


def test_altered_document_under_a_new_hash(parts):
    """A version's own hash finds a document that was exchanged."""
    manifest, blobs = parts
    ref = next(ref for ref in manifest.blobs if ref.name == "orders.purchases@1.1.0")
    data = blobs[ref.sha256].replace(b'"Purchases"', b'"Other"', 1).replace(b"Some purchases.", b"Others.")
    assert refusals(*replaced(manifest, blobs, ref.name, data)) == [
        f"blob contract {ref.name}: document and pins are not what the version's hash says"
    ]


def test_blob_of_another_shape(parts):
    """A blob that is intact and not what its kind says is refused, not a crash."""
    manifest, blobs = parts
    assert refusals(*replaced(manifest, blobs, "erp", b'{"system":5}'))[0].startswith("blob system erp: cannot be read")


def test_document_that_does_not_compile(parts):
    """A version that cannot be compiled here is refused as a whole, before it serves a call."""
    manifest, blobs = parts
    ref = next(ref for ref in manifest.blobs if ref.name == "orders.purchases@1.0.0")
    blob = msgspec.json.decode(blobs[ref.sha256])
    blob["document"]["components"]["schemas"]["Record"]["properties"]["id"]["pattern"] = "(?=x)"
    blob["sha256"] = sha256_hex(canonical_json({"document": blob["document"], "pins": blob["pins"]}))
    found = refusals(*replaced(manifest, blobs, ref.name, canonical_json(blob)))
    assert [text.split("\n")[0] for text in found] == [
        "blob contract orders.purchases@1.0.0: does not compile: OpenAPI document refused"
    ]
