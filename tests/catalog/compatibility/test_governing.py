"""What a new version owes those before it: numbers against changes, waivers, lines, canonical schemas."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from catalog.compatibility.compared import Comparisons
from catalog.compatibility.governing import releases
from catalog.compatibility.release import Candidate, Reason, declared_bump, release, release_problems, waiver_notes
from catalog.version import following
from catalog.workspace import load, read_directory
from tests.catalog.workspace import GOOD

NOW = datetime(2027, 1, 15, 12, tzinfo=UTC)
TODAY = NOW.date()
FOLDER = "contracts/orders/purchases"
LIMIT = "{name: limit, in: query, schema: {type: integer, minimum: 1, maximum: 200}}"


def workspace(version, *edits, first="1.1.0", compatibility="backward", **more):
    """The good workspace, with `first` and a version made of it by replacing texts in its document."""
    files = read_directory(GOOD)
    document = files[f"{FOLDER}/1.1.0/openapi.yaml"].decode()
    contract = files[f"{FOLDER}/contract.yaml"].decode().partition("versions:")[0]
    states = "".join(f"  {each}: {{state: published}}\n" for each in (first, version))
    for path in [path for path in files if path.startswith((FOLDER, "waivers/", "records/"))]:
        del files[path]
    if first.startswith("0."):
        for path in ("bindings/all.yaml", "templates/clinic.yaml"):
            files[path] = files[path].replace(b"major: 1", b"major: 0")
    files[f"{FOLDER}/contract.yaml"] = f"{contract}compatibility: {compatibility}\nversions:\n{states}".encode()
    files[f"{FOLDER}/{first}/openapi.yaml"] = document.encode()
    for old, new in edits:
        assert old in document
        document = document.replace(old, new)
    files[f"{FOLDER}/{version}/openapi.yaml"] = document.encode()
    return load({**files, **{path: text.encode() for path, text in more.items()}})


def of(found, name):
    (one,) = [each for each in found if each.name == name]
    return one


def judged(version, *edits, published=(), **more):
    loaded = workspace(version, *edits, **more)
    return of(releases(loaded, frozenset(published), NOW), f"orders.purchases@{version}"), loaded


WORDS = ("description: Created.", "description: It is there now.")
OPTIONAL = (LIMIT, f"{LIMIT}\n        - {{name: since, in: query, schema: {{type: string}}}}")
TIGHTER = ("maximum: 200", "maximum: 100")
WIDER = ("maximum: 200", "maximum: 500")


@pytest.mark.parametrize(
    ("version", "edit", "declared", "needed"),
    [
        ("1.1.1", WORDS, "patch", "patch"),
        ("1.2.0", WORDS, "minor", "patch"),
        ("1.1.1", OPTIONAL, "patch", "minor"),
        ("1.2.0", OPTIONAL, "minor", "minor"),
        ("1.2.0", WIDER, "minor", "minor"),
        ("1.2.0", TIGHTER, "minor", "major"),
        ("2.0.0", TIGHTER, "major", "major"),
    ],
)
def test_the_number_is_held_against_the_changes(version, edit, declared, needed):
    """Refused exactly when the number promises less than the changes ask for."""
    release, loaded = judged(version, edit)
    assert (release.previous, release.declared, release.needed) == ("1.1.0", declared, needed)
    order = ("none", "patch", "minor", "major")
    problems = list(release_problems([release], loaded.sources))
    assert bool(problems) == release.is_refused == (order.index(declared) < order.index(needed))
    for problem in problems:
        assert problem.rule == "under-bump" and problem.file == f"{FOLDER}/{version}/openapi.yaml"
        assert release.reasons[0].fingerprint[:16] in problem.remedy
        assert following("1.1.0", needed) in problem.remedy


def test_a_break_comes_with_its_witness():
    release, _ = judged("1.2.0", TIGHTER)
    assert (release.reasons[0].severity, release.reasons[0].is_undecided) == ("major", False)
    assert 100 < release.reasons[0].witness <= 200


@pytest.mark.parametrize(("version", "first", "is_refused"), [("0.3.0", "0.2.0", False), ("0.2.1", "0.2.0", True)])
def test_before_1_0_the_minor_number_breaks(version, first, is_refused):
    release, _ = judged(version, TIGHTER, first=first)
    assert (release.needed, release.is_refused) == ("minor", is_refused)


def waiver(fingerprint, expires="2027-06-30", subject="orders.purchases"):
    return {"waivers/all.yaml": json.dumps([{
        "fingerprint": fingerprint, "subject": subject, "reason": "Nobody asks for more than 100.",
        "approver": "head-of-buying", "expires": expires,
    }])}  # fmt: skip


def test_a_waiver_in_force_lets_its_change_through_and_no_other():
    found, _ = judged("1.2.0", TIGHTER)
    (fingerprint,) = [reason.fingerprint for reason in found.reasons if reason.severity == "major"]
    waived, loaded = judged("1.2.0", TIGHTER, **waiver(fingerprint[:16]))
    assert not waived.is_refused and waived.reasons[-1].is_waived
    waivers = loaded.waivers.values()
    assert list(waiver_notes([waived], waivers, loaded.sources, TODAY)) == []
    for refused in (
        waiver(fingerprint, expires="2027-01-14"),
        waiver("0" * 16),
        waiver(fingerprint, subject="orders.purchase-events"),
    ):
        again, loaded = judged("1.2.0", TIGHTER, **refused)
        assert again.is_refused
        (note,) = waiver_notes([again], loaded.waivers.values(), loaded.sources, TODAY)
        assert (note.file, note.pointer) == ("waivers/all.yaml", "/0")
    other, _ = judged("1.2.0", ("maximum: 200", "maximum: 99"), **waiver(fingerprint))
    assert other.is_refused


def test_what_was_published_is_not_judged_again():
    loaded = workspace("1.2.0", TIGHTER)
    published = {"contract/orders.purchases@1.1.0", "contract/orders.purchases@1.2.0"}
    names = {each.name for each in releases(loaded, published, NOW)}
    assert names.isdisjoint({"orders.purchases@1.1.0", "orders.purchases@1.2.0"})


@pytest.mark.parametrize(
    ("compatibility", "edit", "needed"),
    [
        ("none", TIGHTER, "none"),
        ("forward", TIGHTER, "minor"),
        ("forward", WIDER, "major"),
        ("full", TIGHTER, "major"),
        ("full", WIDER, "major"),
    ],
)
def test_a_contract_says_which_way_it_is_compatible(compatibility, edit, needed):
    release, _ = judged("1.2.0", edit, compatibility=compatibility)
    assert release.needed == needed


def test_every_version_of_the_line_counts():
    """What an earlier version promised and the one before took back was let through then; what breaks anew is not."""
    files = read_directory(GOOD)
    document = files[f"{FOLDER}/1.1.0/openapi.yaml"].decode()
    contract = files[f"{FOLDER}/contract.yaml"].decode().partition("versions:")[0]
    for path in [path for path in files if path.startswith((FOLDER, "records/"))]:
        del files[path]
    texts = {"1.0.0": document, "1.1.0": document.replace(*TIGHTER), "1.2.0": document.replace(*TIGHTER)}
    texts["1.3.0"] = document.replace("maximum: 200", "maximum: 150")
    states = "".join(f"  {each}: {{state: published}}\n" for each in texts)
    files[f"{FOLDER}/contract.yaml"] = f"{contract}versions:\n{states}".encode()
    files |= {f"{FOLDER}/{version}/openapi.yaml": text.encode() for version, text in texts.items()}
    loaded = load(files)
    found = releases(loaded, {f"contract/orders.purchases@{each}" for each in ("1.0.0", "1.1.0")}, NOW)
    assert not of(found, "orders.purchases@1.2.0").is_refused
    assert not of(found, "orders.purchases@1.3.0").is_refused


@pytest.mark.parametrize(
    ("version", "others", "severity", "free"),
    [
        ("1.0.5", ("1.0.0", "1.1.0", "1.2.0"), "minor", "1.3.0"),
        ("1.0.5", ("1.0.0", "1.1.0", "2.0.0"), "minor", "1.2.0"),
        ("1.0.5", ("1.0.0", "2.0.0", "2.1.0"), "major", "3.0.0"),
        ("1.1.0", ("1.0.0",), "major", "2.0.0"),
        ("0.1.1", ("0.1.0", "0.2.0"), "major", "0.3.0"),
    ],
)
def test_the_number_that_is_named_is_free(version, others, severity, free):
    """Published versions never change, so that none of theirs is offered."""
    reason = Reason("", "a-rule", "", "", severity, "changed", "f" * 64)
    candidates = [Candidate(each, None) for each in (*others, version)]
    found = release("contract", "orders.purchases", Candidate(version, None), candidates, lambda *_: [reason], ())
    assert found.is_refused and found.free == free
    (problem,) = release_problems([found], {})
    assert f"publish it as {free}," in problem.remedy


def schemas(version, edit, policy="strict"):
    files = read_directory(GOOD)
    text = files["schemas/purchase/1.0.0.json"].decode().replace("purchase@1.0.0", f"purchase@{version}")
    assert edit[0] in text
    files[f"schemas/purchase/{version}.json"] = text.replace(*edit).encode()
    owned = f"{{schema: purchase, owner: procurement-integration, steward: head-of-buying, policy: {policy}}}"
    files["schemas/purchase/schema.yaml"] = owned.encode()
    return of(releases(load(files), frozenset(), NOW), f"purchase@{version}")


NOTE = ('"total": {"$ref"', '"note": {"type": "string"}, "total": {"$ref"')


@pytest.mark.parametrize(
    ("version", "edit", "policy", "needed", "is_refused"),
    [
        ("1.0.1", ('"examples"', '"title": "A purchase", "examples"'), "strict", "patch", False),
        ("1.1.0", ('"maxLength": 40', '"maxLength": 80'), "strict", "minor", False),
        ("1.0.1", ('"maxLength": 40', '"maxLength": 80'), "strict", "minor", True),
        ("1.1.0", ('"maxLength": 40', '"maxLength": 20'), "strict", "major", True),
        ("2.0.0", ('"maxLength": 40', '"maxLength": 20'), "strict", "major", False),
        ("1.1.0", NOTE, "strict", "major", True),
        ("1.1.0", NOTE, "wire", "minor", False),
    ],
)
def test_canonical_schemas_too(version, edit, policy, needed, is_refused):
    """An open object that gains a member took anything there before: strictly a break, to readers on the wire none."""
    release = schemas(version, edit, policy)
    assert (release.kind, release.needed, release.is_refused) == ("schema", needed, is_refused)


RECEIVE = "    post:\n      operationId: purchases.receive\n"
ONLY_TOLD = RECEIVE + "      deprecated: true\n"


def without_receive(version, told):
    """`version`, which no longer has the operation that 1.1.0 told `told` of."""
    files = read_directory(GOOD)
    document = files[f"{FOLDER}/1.1.0/openapi.yaml"].decode().replace(RECEIVE, told)
    gone = document[: document.index("  /purchases/{id}/receive")] + document[document.index("components:") :]
    contract = files[f"{FOLDER}/contract.yaml"].decode().partition("versions:")[0]
    for path in [path for path in files if path.startswith((FOLDER, "waivers/", "records/"))]:
        del files[path]
    states = "".join(f"  {each}: {{state: published}}\n" for each in ("1.1.0", version))
    files[f"{FOLDER}/contract.yaml"] = f"{contract}versions:\n{states}".encode()
    files |= {f"{FOLDER}/1.1.0/openapi.yaml": document.encode(), f"{FOLDER}/{version}/openapi.yaml": gone.encode()}
    return files


@pytest.mark.parametrize(
    ("version", "told", "rules", "weight"),
    [
        ("2.0.0", RECEIVE, [], "major"),
        ("2.0.0", ONLY_TOLD, [], "major"),
        ("2.0.0", ONLY_TOLD + "      x-sunset: 2027-01-16\n", ["sunset"], "major"),
        ("1.2.0", ONLY_TOLD + "      x-sunset: 2027-01-16\n", ["sunset", "under-bump"], "major"),
        ("2.0.0", ONLY_TOLD + "      x-sunset: 2027-01-15T13:00:00+01:00\n", [], "none"),
        ("2.0.0", ONLY_TOLD + "      x-sunset: 2027-01-15T13:00:01+01:00\n", ["sunset"], "major"),
        ("1.2.0", ONLY_TOLD + "      x-sunset: 2027-01-15\n", ["under-bump"], "none"),
    ],
)
def test_an_operation_stays_until_the_end_that_was_announced(version, told, rules, weight):
    """Then it is major still, and nobody need approve it."""
    loaded = load(without_receive(version, told))
    release = of(releases(loaded, {"contract/orders.purchases@1.1.0"}, NOW), f"orders.purchases@{version}")
    assert [problem.rule for problem in release_problems([release], loaded.sources)] == rules
    assert release.is_refused == bool(rules)
    assert (release.needed, release.weight) == ("major", weight)
    if "sunset" in rules:
        fingerprint = release.reasons[0].fingerprint
        again = load({**without_receive(version, told), **{k: v.encode() for k, v in waiver(fingerprint).items()}})
        found = of(releases(again, {"contract/orders.purchases@1.1.0"}, NOW), release.name)
        assert not found.is_refused and found.weight == "major"


def test_an_announcement_counts_once_it_is_published():
    """A version of the same change that says that an end has come was read by nobody."""
    base = without_receive("2.0.0", ONLY_TOLD + "      x-sunset: 2099-01-01\n")
    between = base[f"{FOLDER}/1.1.0/openapi.yaml"].replace(b"2099-01-01", b"2026-01-01")
    states = base[f"{FOLDER}/contract.yaml"] + b"  1.2.0: {state: published}\n"
    files = {**base, f"{FOLDER}/1.2.0/openapi.yaml": between, f"{FOLDER}/contract.yaml": states}
    loaded, published = load(files), {"contract/orders.purchases@1.1.0"}
    found = of(releases(loaded, published, NOW), "orders.purchases@2.0.0")
    assert found.is_refused and [problem.rule for problem in release_problems([found], {})] == ["sunset"]
    later = of(releases(loaded, {*published, "contract/orders.purchases@1.2.0"}, NOW), "orders.purchases@2.0.0")
    assert not later.is_refused


def test_a_pair_of_documents_is_compared_once():
    comparisons, loaded = Comparisons(), workspace("1.2.0", TIGHTER)
    first = releases(loaded, frozenset(), NOW, comparisons)
    made = comparisons.made
    assert made > 0
    assert releases(workspace("1.2.0", TIGHTER), frozenset(), NOW, comparisons) == first
    assert comparisons.made == made
    releases(workspace("1.2.0", WIDER), frozenset(), NOW, comparisons)
    assert comparisons.made == made + 1


def test_what_is_remembered_is_bounded():
    comparisons = Comparisons(most=2)
    schemas = [{"type": "string", "maxLength": length} for length in (1, 2, 3, 4)]
    for old, new in [*pairwise(schemas), (schemas[0], schemas[1])]:
        assert comparisons.schemas(old, new, "strict").verdict == "compatible"
    assert comparisons.made == 4


@pytest.mark.parametrize(
    ("old", "new", "bump"),
    [("1.4.0", "1.5.0", "minor"), ("1.4.0", "2.0.0", "major"), ("1.4.0", "1.4.1", "patch"), ("1.4.0", "1.4.0", "none")],
)
def test_declared(old, new, bump):
    assert declared_bump(old, new) == bump
    assert following(old, bump) == new
