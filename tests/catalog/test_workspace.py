"""Loading whole workspaces: the good one as it is, the bad one with everything that is wrong."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.envelope import Envelope
from catalog.errors import Invalid, Problem
from catalog.workspace import library_files, load, read_directory
from tests.catalog.workspace import BAD, GOOD


def edited(path, old, new, **more):
    """The good workspace with `old` replaced in one file; bytes of further files by path."""
    files = read_directory(GOOD)
    assert old.encode() in files[path]
    return {**files, path: files[path].replace(old.encode(), new.encode()), **more}


def problems_of(files, **options):
    with pytest.raises(Invalid) as caught:
        load(files, **options)
    return [(problem.file, problem.pointer) for problem in caught.value.problems]


def test_good():
    """Everything is there, pinned and checked."""
    workspace = load(read_directory(GOOD))
    refs = ["orders.purchase-events@1.0.0", "orders.purchases@1.0.0", "orders.purchases@1.1.0"]
    assert [version.ref for version in workspace.versions] == refs
    events, old, new = workspace.versions
    assert [sorted(operation.events) for operation in events.operations] == [["purchase.created", "purchase.received"]]
    assert sorted(events.pins) == ["money@1.0.0"]
    assert (old.base_path, old.major, old.state.state) == ("/orders/v1", 1, "deprecated")
    assert sorted(new.pins) == ["money@1.0.0", "purchase@1.0.0"]
    assert new.pins["money@1.0.0"] == workspace.schemas["money@1.0.0"].sha256
    assert sorted(workspace.entities) == ["annex", "centre", "fjord", "north"]
    assert workspace.policy_files == {"limits": {}, "tokens": {"keys/jwks.json": '{"keys": []}\n'}}
    assert sorted(workspace.slos) == ["purchases-answered", "purchases-received"]
    assert [waiver.subject for waiver in workspace.waivers.values()] == ["orders.purchases", "purchase"]
    assert {waiver.is_in_force(date(2027, 6, 30)) for waiver in workspace.waivers.values()} == {True}
    assert {waiver.is_in_force(date(2027, 7, 1)) for waiver in workspace.waivers.values()} == {False}
    assert workspace.notes == ()


def test_bad_is_refused_with_everything():
    """Every file's every error is told at once, with file and pointer, and nothing twice."""
    with pytest.raises(Invalid) as caught:
        load(
            read_directory(BAD),
            policy_kinds={"jwt": lambda config: [Problem("no", "/x")], "idempotency": lambda config: []},
            unshadowable={"idempotency"},
        )
    told = {f"{problem.file}#{problem.pointer}" for problem in caught.value.problems}
    expected = (BAD / "expected.txt").read_text().splitlines()
    assert sorted(told) == expected
    assert len(caught.value.problems) >= 50
    for problem in caught.value.problems:
        assert problem.file and problem.remedy, problem
        assert problem.pointer or "line" in problem.message or problem.file.count("/"), problem
    assert len(set(caught.value.problems)) == len(caught.value.problems)


def test_read_directory_takes_what_belongs_to_a_workspace(tmp_path):
    """Secrets beside a workspace, and what links lead to, never travel."""
    for name in ("waybill.yaml", "secrets.yaml", "entities/a.yaml", "other/b.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("a: b")
    (tmp_path / "entities" / "link.yaml").symlink_to(tmp_path / "secrets.yaml")
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "p.yaml").write_text("{name: a, policy: jwt, config: {jwks_file: ../../etc/hostname}}")
    assert sorted(read_directory(tmp_path)) == ["entities/a.yaml", "policies/p.yaml", "waybill.yaml"]


def test_no_workspace(tmp_path):
    """A directory without waybill.yaml is told from an empty workspace."""
    with pytest.raises(Invalid) as caught:
        read_directory(tmp_path)
    assert [problem.file for problem in caught.value.problems] == ["waybill.yaml"]


def test_the_library_is_included():
    """`include` adds contracts, schemas, objectives and measures; an SLO of the same name replaces the library's."""
    files = {"waybill.yaml": b"{workspace: x, include: [procure-to-pay]}"}
    workspace = load(files)
    assert "finance.purchase-orders" in workspace.contracts
    name, slo = next((name, slo) for name, slo in workspace.slos.items() if hasattr(slo.source, "deadline_s"))
    path = workspace.sources[f"slo/{name}"]
    text = library_files(["procure-to-pay"])[path].decode()
    short = text.replace(f"deadline_s: {slo.source.deadline_s}", "deadline_s: 7")
    assert load({**files, "slos/own.yaml": short.encode()}).slos[name].source.deadline_s == 7


def test_nobody_writes_into_the_library():
    """A file that poses as the library's is refused."""
    path = "library:slos/own.yaml"
    assert problems_of({"waybill.yaml": b"{workspace: x}", path: b""}) == [(path, "")]


def test_bundled_policies_apply_unless_replaced():
    """A bundle's envelopes are there without being written; one of the same name replaces them."""
    bundle = [Envelope("limits", "rate-limit", on_error="allow"), Envelope("shape", "shape")]
    workspace = load(read_directory(GOOD), bundle=bundle)
    assert sorted(workspace.envelopes) == ["limits", "shape", "tokens"]
    assert workspace.envelopes["limits"].on_error == "reject"


@pytest.mark.parametrize(
    ("path", "old", "new", "expected"),
    [
        ("contracts/orders/purchases/contract.yaml", "successor: 1.1.0", "successor: 1.0.0",
         ("contracts/orders/purchases/contract.yaml", "/versions/1.0.0/successor")),
        ("contracts/orders/purchases/contract.yaml", "    sunset_at: 2026-12-31T00:00:00Z\n", "",
         ("contracts/orders/purchases/contract.yaml", "/versions/1.0.0/sunset_at")),
        ("contracts/orders/purchases/contract.yaml", "sunset_at: 2026-12-31T00:00:00Z", "sunset_at: 2025-12-31",
         ("contracts/orders/purchases/contract.yaml", "/versions/1.0.0/sunset_at")),
        ("contracts/orders/purchases/contract.yaml", "{state: published}", "{state: published, sunset_at: 2027-01-01}",
         ("contracts/orders/purchases/contract.yaml", "/versions/1.1.0/sunset_at")),
        ("contracts/orders/purchases/contract.yaml", "owner: procurement-integration", "owner: ''",
         ("contracts/orders/purchases/contract.yaml", "/owner")),
        ("contracts/orders/purchases/contract.yaml", "/orders/v{major}", "/orders/v{major}/",
         ("contracts/orders/purchases/contract.yaml", "/base_path")),
        ("schemas/purchase/1.0.0.json", '"id": "P-1"', '"id": 1',
         ("schemas/purchase/1.0.0.json", "/examples/0/id")),
        ("schemas/purchase/1.0.0.json", '"maxLength": 40', '"pattern": "(?=x)"',
         ("schemas/purchase/1.0.0.json", "/$defs/reference/pattern")),
        ("entities/annex.yaml", "parent: north", "parent: annex", ("entities/annex.yaml", "/parent")),
        ("consumers/buyer.yaml", "[read, write]", "[read, fly]",
         ("consumers/buyer.yaml", "/contracts/orders.purchases")),
        ("policies/own.yaml", "keys/jwks.json", "keys/none.json",
         ("policies/own.yaml", "/0/config/issuers/0/jwks_file")),
        ("slos/purchases.yaml", "to: purchase.received", "to: purchase.lost",
         ("slos/purchases.yaml", "/spec/indicator/spec/ratioMetric/good/metricSource/spec/to")),
    ],
)  # fmt: skip
def test_one_mistake_is_one_problem(path, old, new, expected):
    """A single mistake is told once, where it is."""
    assert problems_of(edited(path, old, new)) == [expected]


def test_same_thing_twice():
    """Names are unique over all files; a JWT subject belongs to one consumer."""
    files = read_directory(GOOD)
    twin = files["consumers/buyer.yaml"].replace(b"consumer: buyer", b"consumer: twin")
    more = {
        "entities/again.yaml": files["entities/north.yaml"],
        "bindings/more.yaml": files["bindings/all.yaml"],
        "consumers/twin.yaml": twin,
    }
    assert problems_of({**files, **more}) == [
        ("bindings/more.yaml", "/0"),
        ("consumers/twin.yaml", "/jwt"),
        ("entities/north.yaml", ""),
    ]


def contract(name, base_path, path):
    """Files of a contract with one GET."""
    domain, _, object_ = name.partition(".")
    folder = f"contracts/{domain}/{object_}"
    head = f"{{contract: {name}, title: T, owner: o, domain: {domain}, base_path: '{base_path}', "
    parameters = "".join(
        f"{{name: {part[1:-1]}, in: path, required: true, schema: {{}}}},"
        for part in path.split("/")
        if part[:1] == "{"
    )
    body = f"""
openapi: 3.1.0
paths:
  {path}:
    get: {{operationId: x.get, parameters: [{parameters}], responses: {{"200": {{description: x}}}}}}
"""
    return {
        f"{folder}/contract.yaml": (head + "versions: {1.0.0: {state: retired, deprecated_at: 2026-01-01, "
                                    "sunset_at: 2026-02-01, successor: orders.purchases@1.1.0}}}").encode(),
        f"{folder}/1.0.0/openapi.yaml": body.encode(),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("base_path", "path", "is_refused"),
    [
        ("/orders/v{major}", "/purchases", True),
        ("/orders/v{major}", "/{anything}", True),
        ("/orders", "/v1/purchases/{id}", True),
        ("/orders", "/{version}/{kind}/{id}", True),
        ("/orders/v{major}", "/receipts", False),
        ("/orders/v{major}", "/purchases/{id}/lines", False),
        ("/other/v{major}", "/purchases", False),
    ],
)
def test_route_overlap(base_path, path, is_refused):
    """Contracts may share a base path, but no two may answer the same request, retired ones included."""
    files = {**read_directory(GOOD), **contract("orders.other", base_path, path)}
    if is_refused:
        assert {place for place, _ in problems_of(files)} <= {
            "contracts/orders/purchases/1.0.0/openapi.yaml",
            "contracts/orders/purchases/1.1.0/openapi.yaml",
            "contracts/orders/other/1.0.0/openapi.yaml",
        }
    else:
        assert len(load(files).versions) == 4


def test_majors_need_paths_of_their_own():
    """A base path without {major} cannot serve two majors."""
    files = edited("contracts/orders/purchases/contract.yaml", "/orders/v{major}", "/orders")
    path = "contracts/orders/purchases/contract.yaml"
    files[path] += b"  2.0.0: {state: draft}\n"
    files["contracts/orders/purchases/2.0.0/openapi.yaml"] = files["contracts/orders/purchases/1.1.0/openapi.yaml"]
    assert {file for file, _ in problems_of(files)} == {"contracts/orders/purchases/2.0.0/openapi.yaml"}


def test_policies_are_checked_by_their_kind():
    """Unknown policies, wrong configs and shadowing what must enforce are refused with their place."""

    def check(config):
        return [Problem("unknown", f"/{name}") for name in config]

    files = {**read_directory(GOOD), "policies/more.yaml": b"{name: m, policy: shape, mode: shadow, config: {x: 1}}"}
    kinds = {"shape": check, "rate-limit": check}
    assert problems_of(files, policy_kinds=kinds, unshadowable=["shape"]) == [
        ("policies/more.yaml", "/config/x"),
        ("policies/more.yaml", "/mode"),
        ("policies/own.yaml", "/0/policy"),
    ]


def test_what_could_not_be_loaded_is_not_told_as_missing_too():
    """An entity, a system, a contract, a document, a schema and an SLO with a fault each: one problem apiece."""
    files = read_directory(GOOD)
    for path in ("entities/north.yaml", "contracts/orders/purchases/1.0.0/openapi.yaml", "slos/purchases.yaml"):
        files[path] += b"\n  - : [\n"
    files["systems/erp.yaml"] = b"\xff" + files["systems/erp.yaml"]
    files["schemas/money/1.0.0.json"] = b"{"
    assert sorted(place for place in problems_of(files)) == sorted(
        (path, "")
        for path in (
            *("entities/north.yaml", "contracts/orders/purchases/1.0.0/openapi.yaml", "slos/purchases.yaml"),
            *("systems/erp.yaml", "schemas/money/1.0.0.json"),
        )
    )
    broken = {**read_directory(GOOD), "contracts/orders/purchases/contract.yaml": b"contract: 5"}
    assert {file for file, _ in problems_of(broken)} == {"contracts/orders/purchases/contract.yaml"}


def test_a_file_that_cannot_be_read_is_one_problem_among_others(tmp_path, monkeypatch):
    """It is named with the reason, and the other files are judged all the same."""
    for path, data in read_directory(GOOD).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
    (tmp_path / "systems" / "erp.yaml").write_bytes(b"colour: red")
    opened = Path.open

    def refuse(path, *arguments, **more):
        if path.name == "north.yaml":
            raise PermissionError(13, "Permission denied")
        return opened(path, *arguments, **more)

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(Invalid) as caught:
        load(read_directory(tmp_path))
    told = {problem.file: problem.message for problem in caught.value.problems}
    assert told["entities/north.yaml"] == "cannot be read: Permission denied"
    assert "systems/erp.yaml" in told


def test_a_wrong_mode_hides_no_wrong_config():
    """What stands beside a policy's config is judged apart from it."""
    text = b"{name: m, policy: shape, mode: sometimes, config: {x: 1}}"
    kinds = {"shape": lambda config: [Problem("unknown", f"/{name}") for name in config], "rate-limit": lambda _: []}
    kinds["jwt"] = kinds["rate-limit"]
    with pytest.raises(Invalid) as caught:
        load({**read_directory(GOOD), "policies/more.yaml": text}, policy_kinds=kinds)
    assert [(problem.pointer, problem.remedy) for problem in caught.value.problems][1] == (
        "/mode",
        "write one of enforce, shadow",
    )
    assert [problem.pointer for problem in caught.value.problems] == ["/config/x", "/mode"]


PATHS = sorted(read_directory(GOOD))


@settings(max_examples=150)
@given(st.sampled_from(PATHS), st.binary(max_size=40), st.integers(0, 2000), st.integers(0, 40))
def test_never_crashes(path, junk, start, length):
    """Whatever bytes stand anywhere in a workspace, it loads or is refused with problems."""
    files = read_directory(GOOD)
    data = files[path]
    files[path] = data[:start] + junk + data[start + length :]
    try:
        load(files)
    except Invalid as error:
        assert error.problems
