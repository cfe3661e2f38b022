"""Publication: blobs, plans, immutability, life cycle, pins."""

import json

import msgspec
import pytest

from catalog.compile import compile_snapshot, diff, published_of
from catalog.network import KeyHash
from catalog.snapshot import Manifest, sha256_hex
from catalog.workspace import load, read_directory
from tests.catalog.workspace import GOOD

CONTRACT = "contracts/orders/purchases/contract.yaml"
V1_1 = "contracts/orders/purchases/1.1.0/openapi.yaml"
EVENTS = "contracts/orders/purchase-events/1.0.0/asyncapi.yaml"


def publish(files, published=None):
    """What publishing `files` leaves behind."""
    refs, blobs = compile_snapshot(load(files, published=published), {})
    return published_of(Manifest(1, "2026-01-01T00:00:00Z", refs), blobs)


def plan(files, published):
    return diff(published, load(files, published=published))


def edit(files, path, old, new):
    assert old.encode() in files[path]
    return {**files, path: files[path].replace(old.encode(), new.encode())}


@pytest.fixture
def files():
    return read_directory(GOOD)


@pytest.fixture
def published(files):
    return publish(files)


def named(items):
    return [(item.kind, item.name, item.detail) for item in items]


def test_blobs_are_known_by_their_hash(files):
    """Every blob's name is the SHA-256 of its bytes, and the list is sorted."""
    refs, blobs = compile_snapshot(load(files), {})
    assert [sha256_hex(blobs[ref.sha256]) for ref in refs] == [ref.sha256 for ref in refs]
    assert [len(blobs[ref.sha256]) for ref in refs] == [ref.size_bytes for ref in refs]
    assert [(ref.kind, ref.name) for ref in refs] == sorted((ref.kind, ref.name) for ref in refs)
    assert {ref.kind for ref in refs} == {
        *("contract", "schema", "ownership", "entity", "calendar", "system", "binding", "record", "consumer"),
        *("policy", "slo", "measure", "governance"),
    }


def test_compilation_is_deterministic(files):
    """The same files in any order give the same bytes."""
    turned = dict(reversed(files.items()))
    assert compile_snapshot(load(files), {}) == compile_snapshot(load(turned), {})


def test_references_are_pinned(files):
    """A published document names exact versions, with the hashes of all that it uses."""
    refs, blobs = compile_snapshot(load(files), {})
    blob = next(json.loads(blobs[ref.sha256]) for ref in refs if ref.name == "orders.purchases@1.1.0")
    assert "canonical:purchase@1.0.0" in json.dumps(blob["document"])
    assert "@^" not in json.dumps(blob["document"])
    assert blob["pins"] == {ref.name: ref.sha256 for ref in refs if ref.kind == "schema"}
    assert list(blob["contract"]["versions"]) == ["1.1.0"]


def test_files_that_policies_name_travel(files):
    """A policy's blob holds the content of the files its config names."""
    refs, blobs = compile_snapshot(load(files), {})
    blob = next(json.loads(blobs[ref.sha256]) for ref in refs if ref.name == "tokens")
    assert blob["files"] == {"keys/jwks.json": '{"keys": []}\n'}


def test_keys_travel_with_their_consumer_and_change_no_plan(files, published):
    """Keys are in the blob and not in the plan: they come and go by command."""
    key = KeyHash("abcdefgh", "00" * 32)
    refs, blobs = compile_snapshot(load(files), {"buyer": [key]})
    blob = next(json.loads(blobs[ref.sha256]) for ref in refs if ref.kind == "consumer")
    assert blob["keys"] == [msgspec.to_builtins(key)]
    assert published_of(Manifest(2, "", refs), blobs) == published


def test_nothing_changed(files, published):
    """A workspace that is published as it is has an empty plan."""
    result = plan(files, published)
    assert (result.is_empty, result.refused) == (True, ())


def test_everything_is_new(files):
    """Before the first publication all is added, contracts with their state."""
    result = diff({}, load(files))
    assert ("contract", "orders.purchases@1.0.0", "deprecated") in named(result.added)
    assert (result.changed, result.removed, result.refused) == ((), (), ())


def test_a_published_document_cannot_change(files, published):
    """The same version with another hash is refused, however small the change; formatting is none."""
    result = plan(edit(files, V1_1, "Some purchases.", "Purchases."), published)
    assert named(result.changed) == [("contract", "orders.purchases@1.1.0", "content")]
    assert [(p.rule, p.file) for p in result.refused] == [("immutable", V1_1)]
    assert plan({**files, V1_1: b"# a comment\n" + files[V1_1]}, published).is_empty


def test_a_published_event_contract_cannot_change(files, published):
    """An AsyncAPI document is as immutable as any other, and its life cycle takes the same steps."""
    result = plan(edit(files, EVENTS, "name: purchase.received", "name: purchase.returned"), published)
    assert [(p.rule, p.file) for p in result.refused] == [("immutable", EVENTS)]
    contract = EVENTS.replace("1.0.0/asyncapi.yaml", "contract.yaml")
    result = plan(edit(files, contract, "state: published", "state: draft"), published)
    assert [p.rule for p in result.refused] == ["life-cycle"]


def test_a_published_schema_cannot_change(files, published):
    """A canonical schema is as immutable; the contracts that pin it would change with it."""
    result = plan(edit(files, "schemas/money/1.0.0.json", "{1,18}", "{1,15}"), published)
    assert {(p.rule, p.file) for p in result.refused} == {
        ("immutable", "schemas/money/1.0.0.json"),
        ("immutable", V1_1),
        ("immutable", EVENTS),
    }


def test_a_new_schema_changes_no_published_contract(files, published):
    """A newer canonical version is added; what is published keeps its pins; what is new takes it."""
    path = "schemas/purchase/1.1.0.json"
    newer = files["schemas/purchase/1.0.0.json"].replace(b"purchase@1.0.0", b"purchase@1.1.0")
    result = plan({**files, path: newer}, published)
    assert (named(result.added), result.changed, result.refused) == ([("schema", "purchase@1.1.0", "")], (), ())
    fresh = load({**files, path: newer})
    assert "purchase@1.1.0" in fresh.version("orders.purchases@1.1.0").pins


def test_descriptions_may_change(files, published):
    """Owner and title lie outside of what is immutable: each version of the contract is told as changed."""
    result = plan(edit(files, CONTRACT, "title: Purchases", "title: Bought things"), published)
    assert {item.detail for item in result.changed} == {"description"}
    assert result.refused == ()


def test_life_cycle(files, published):
    """Steps of the table are allowed and told; others are refused where contract.yaml says so."""
    on = edit(files, CONTRACT, "state: deprecated", "state: retired")
    result = plan(on, published)
    assert named(result.changed) == [("contract", "orders.purchases@1.0.0", "deprecated → retired")]
    assert result.refused == ()
    back = plan(files, publish(on, published))
    assert [(p.rule, p.file, p.pointer) for p in back.refused] == [("life-cycle", CONTRACT, "/versions/1.0.0/state")]


def test_a_published_version_cannot_become_a_draft(files, published):
    """Drafts are not published: going back to one is refused."""
    draft = edit(files, CONTRACT, "1.1.0: {state: published}", "1.1.0: {state: draft}\n  1.2.0: {state: published}")
    draft = edit(draft, CONTRACT, "successor: 1.1.0", "successor: 1.2.0")
    draft["contracts/orders/purchases/1.2.0/openapi.yaml"] = files[V1_1]
    result = plan(draft, published)
    assert named(result.removed) == [("contract", "orders.purchases@1.1.0", "published")]
    assert [p.rule for p in result.refused] == ["life-cycle"]


def test_drafts_are_a_kind_of_their_own(files, published):
    """A draft travels beside what is published, which it leaves as it is; it may change and go."""
    draft = {**files, CONTRACT: files[CONTRACT] + b"  2.0.0: {state: draft}\n"}
    path = "contracts/orders/purchases/2.0.0/openapi.yaml"
    draft[path] = files[V1_1]
    result = plan(draft, published)
    assert named(result.added) == [("draft", "orders.purchases@2.0.0", "")]
    assert (result.changed, result.removed, result.refused) == ((), (), ())
    applied = publish(draft, published)
    result = plan(edit(draft, path, "Some purchases.", "Purchases."), applied)
    assert (named(result.changed), result.refused) == ([("draft", "orders.purchases@2.0.0", "content")], ())
    result = plan(files, applied)
    assert (named(result.removed), result.refused) == ([("draft", "orders.purchases@2.0.0", "")], ())


def test_removal(files, published):
    """Entities and the like may go; contract versions that are not retired and schemas may not."""
    without = {path: data for path, data in files.items() if path != "entities/annex.yaml"}
    without = edit(without, "consumers/buyer.yaml", "[north, annex]", "[north]")
    without = edit(without, "entities/centre.yaml", "[annex, fjord]", "[fjord]")
    result = plan(without, published)
    assert (named(result.removed), result.refused) == ([("entity", "annex", "")], ())
    bare = {"waybill.yaml": files["waybill.yaml"]}
    assert {p.message for p in plan(bare, published).refused} == {
        "contract orders.purchase-events@1.0.0 is published and cannot be removed",
        "contract orders.purchases@1.0.0 is deprecated and cannot be removed",
        "contract orders.purchases@1.1.0 is published and cannot be removed",
        "schema money@1.0.0 is published and cannot be removed",
        "schema purchase@1.0.0 is published and cannot be removed",
    }


NEWCOMER = b"{entity: harbour, name: Harbour Clinic, template: clinic}\n"


def test_a_new_entity_is_one_small_file(files, published):
    """A file that names a template: entity, bindings and grants follow, and the plan tells where they come from."""
    result = plan({**files, "entities/harbour.yaml": NEWCOMER}, published)
    assert named(result.added) == [
        ("binding", "orders.purchases/1/harbour", "made by templates/clinic.yaml"),
        ("entity", "harbour", "template clinic"),
    ]
    assert named(result.changed) == [("consumer", "buyer", "content")]
    assert (result.removed, result.refused) == ((), ())


def test_a_template_change_tells_everything_that_it_changes(files):
    """Each entity and each binding made of the template is listed; what an entity says itself stays."""
    files["entities/harbour.yaml"] = NEWCOMER
    files["entities/pier.yaml"] = b"{entity: pier, name: Pier Clinic, template: clinic, currency: EUR}\n"
    files["bindings/pier.yaml"] = b"{contract: orders.purchases, major: 1, entity: pier, system: erp}\n"
    published = publish(files)
    moved = edit(files, "templates/clinic.yaml", "system: clinics", "system: erp")
    origin = "content, made by templates/clinic.yaml"
    assert named(plan(moved, published).changed) == [
        ("binding", "orders.purchases/1/fjord", origin),
        ("binding", "orders.purchases/1/harbour", origin),
    ]
    dearer = edit(files, "templates/clinic.yaml", "currency: NOK", "currency: SEK")
    assert named(plan(dearer, published).changed) == [
        ("entity", "fjord", "content, template clinic"),
        ("entity", "harbour", "content, template clinic"),
    ]


def test_a_plan_tells_whom_a_centre_acts_for(files, published):
    """A new member widens what the centre's consumers may do: the plan says so."""
    wider = edit(files, "entities/centre.yaml", "[annex, fjord]", "[annex, fjord, north]")
    assert named(plan(wider, published).changed) == [("entity", "centre", "content, acts for annex fjord north")]


def test_a_retired_version_may_be_removed(files, published):
    """Once retired and published as such, a version may leave the workspace."""
    retired = publish(edit(files, CONTRACT, "state: deprecated", "state: retired"), published)
    start, _, rest = files[CONTRACT].partition(b"  1.0.0:")
    gone = {path: data for path, data in files.items() if "/1.0.0/openapi" not in path}
    gone[CONTRACT] = start + rest[rest.index(b"  1.1.0:") :]
    result = plan(gone, retired)
    assert (named(result.removed), result.refused) == ([("contract", "orders.purchases@1.0.0", "retired")], ())
