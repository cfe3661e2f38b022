"""Publishing: all or nothing, immutable versions, signed generations, keys that travel as keyed hashes."""

from __future__ import annotations

import hashlib
import hmac
import json

import msgspec

from catalog.running import read_snapshot
from catalog.snapshot import Manifest, SignedManifest
from controlplane.keys import is_signed
from tests.controlplane.conftest import is_problem
from tests.controlplane.workspace import OPENAPI, contract, with_file, workspace

DOCUMENT = "contracts/logistics/parcels/1.0.0/openapi.json"
CONTRACT = "contracts/logistics/parcels/contract.yaml"
RETIRED = {
    "state": "retired",
    "deprecated_at": "2026-01-01T00:00:00Z",
    "sunset_at": "2026-06-01T00:00:00Z",
    "successor": "2.0.0",
}
DEPRECATED = {**RETIRED, "state": "deprecated"}


def apply(api, files, status: int = 200, **more):
    answer = api.post("/workspace/apply", {"files": files}, **more)
    assert answer.status_code == status, answer.text
    return answer.json()


def plan(api, files):
    answer = api.post("/workspace/plan", {"files": files}, role="viewer")
    assert answer.status_code == 200, answer.text
    return answer.json()


def snapshot(api, gateway) -> tuple[SignedManifest, Manifest]:
    answer = api.get("/snapshot", token=gateway["credential"])
    assert answer.status_code == 200, answer.text
    signed = msgspec.json.decode(answer.content, type=SignedManifest)
    return signed, msgspec.json.decode(signed.manifest, type=Manifest)


def generation(api) -> int:
    return plan(api, workspace())["generation"]


def refusals(made) -> set[tuple[str, str]]:
    return {(problem.get("file", ""), problem["rule"]) for problem in made["refused"]}


def test_an_apply_publishes_what_the_plan_showed(api) -> None:
    made = plan(api, workspace())
    names = {(item["kind"], item["name"]) for item in made["added"]}
    expected = {("contract", "logistics.parcels@1.0.0"), ("entity", "main"), ("system", "depot"), ("consumer", "shop")}
    assert expected <= names and not made["changed"] and not made["removed"] and not made["refused"]
    done = apply(api, workspace())
    assert (done["generation"], done["is_published"]) == (1, True)
    assert {(item["kind"], item["name"]) for item in done["plan"]["added"]} == names
    view = api.get("/contracts/logistics.parcels", role="viewer").json()
    assert (view["owner"], view["versions"][0]["state"]) == ("logistics", "published")
    assert [operation["operation"] for operation in view["versions"][0]["operations"]] == [
        "parcels.create",
        "parcels.get",
    ]


def test_applying_the_same_again_makes_no_generation(api) -> None:
    apply(api, workspace())
    again = apply(api, workspace())
    assert (again["generation"], again["is_published"]) == (1, False)
    assert generation(api) == 1


def test_a_published_version_never_changes(api) -> None:
    """Another content under the same number is refused by plan and apply, and nothing moves."""
    apply(api, workspace())
    other = json.loads(json.dumps(OPENAPI))
    other["paths"]["/parcels/{id}"]["get"]["summary"] = "reads one"
    changed = with_file(workspace(), DOCUMENT, json.dumps(other))
    assert ("contracts/logistics/parcels/1.0.0/openapi.json", "immutable") in refusals(plan(api, changed))
    answer = api.post("/workspace/apply", {"files": changed})
    assert is_problem(answer, 409, "refused")
    assert answer.json()["problems"][0]["remedy"]
    assert generation(api) == 1
    assert apply(api, workspace())["is_published"] is False


def test_ownership_may_change_without_a_new_version(api) -> None:
    apply(api, workspace())
    files = with_file(workspace(), CONTRACT, contract({"1.0.0": "published"}, owner="warehouse"))
    done = apply(api, files)
    assert [item["name"] for item in done["plan"]["changed"]] == ["logistics.parcels@1.0.0"]
    assert api.get("/contracts/logistics.parcels").json()["owner"] == "warehouse"


def test_the_life_cycle_is_held(api) -> None:
    """Published → retired skips the deprecation; deprecated → retired is a step; retired → published is none."""
    both = {"1.0.0": "published", "2.0.0": "published"}
    apply(api, workspace(both))
    assert any(rule == "life-cycle" for _, rule in refusals(plan(api, workspace({**both, "1.0.0": RETIRED}))))
    apply(api, workspace({**both, "1.0.0": DEPRECATED}))
    done = apply(api, workspace({**both, "1.0.0": RETIRED}))
    assert done["plan"]["changed"][0]["detail"] == "deprecated → retired"
    assert any(rule == "life-cycle" for _, rule in refusals(plan(api, workspace(both))))


def test_a_version_in_use_cannot_be_removed_and_a_removed_number_stays_taken(api) -> None:
    both = {"1.0.0": "published", "2.0.0": "published"}
    apply(api, workspace(both))
    binding = '[{contract: logistics.parcels, major: 2, entity: "*", system: depot}]'
    gone = with_file(workspace({"2.0.0": "published"}), "bindings/all.yaml", binding)
    assert any(rule == "immutable" for _, rule in refusals(plan(api, gone)))
    apply(api, workspace({**both, "1.0.0": DEPRECATED}))
    apply(api, workspace({**both, "1.0.0": RETIRED}))
    apply(api, gone)
    other = json.loads(json.dumps(OPENAPI))
    other["info"]["title"] = "Others"
    back = with_file(workspace(both), DOCUMENT, json.dumps(other))
    assert (DOCUMENT, "immutable") in refusals(plan(api, back))


def test_everything_wrong_is_listed_at_once(api) -> None:
    files = workspace()
    files["systems/depot.yaml"] = "system: depot\nname: Depot\nregion: local\nbase_url: nowhere\n"
    files["consumers/shop.yaml"] = "consumer: shop\nname: Shop\nentities: [nobody]\ncontracts: {no.such: []}\n"
    files["entities/main.yaml"] = "entity: main\nname: Main\nregion: local\ncurrency: euro\n"
    places = {(problem["file"], problem["pointer"]) for problem in plan(api, files)["refused"]}
    assert {
        ("systems/depot.yaml", "/base_url"),
        ("consumers/shop.yaml", "/entities/0"),
        ("consumers/shop.yaml", "/contracts/no.such"),
        ("entities/main.yaml", "/currency"),
    } <= places
    assert is_problem(api.post("/workspace/apply", {"files": files}), 409, "refused")
    assert api.get("/contracts").json() == {"items": []}


def test_overlapping_routes_are_refused(api) -> None:
    other = contract({"1.0.0": "published"}).replace("logistics.parcels", "logistics.boxes")
    files = workspace(
        **{
            "contracts/logistics/boxes/contract.yaml": other,
            "contracts/logistics/boxes/1.0.0/openapi.json": json.dumps(OPENAPI),
        }
    )
    assert any(rule == "route-overlap" for _, rule in refusals(plan(api, files)))


def test_drafts_travel_beside_what_is_published_and_may_change(api) -> None:
    files = workspace({"1.0.0": "published", "1.1.0": "draft"})
    assert apply(api, files)["plan"]["drafts"] == ["logistics.parcels@1.1.0"]
    _, manifest = snapshot(api, api.enrol())
    assert [ref.name for ref in manifest.blobs if ref.kind == "contract"] == ["logistics.parcels@1.0.0"]
    assert [ref.name for ref in manifest.blobs if ref.kind == "draft"] == ["logistics.parcels@1.1.0"]
    other = json.loads(json.dumps(OPENAPI))
    other["info"]["title"] = "Changed"
    changed = with_file(files, "contracts/logistics/parcels/1.1.0/openapi.json", json.dumps(other))
    assert plan(api, changed)["refused"] == []


def test_the_manifest_is_signed_and_its_blobs_are_what_it_says(api) -> None:
    """A gateway checks the signature with the key from its enrolment and every blob by its hash."""
    apply(api, workspace())
    gateway = api.enrol()
    signed, manifest = snapshot(api, gateway)
    assert is_signed(gateway["snapshot_key"], signed.manifest.encode(), signed.signature)
    assert not is_signed(gateway["snapshot_key"], signed.manifest.encode() + b" ", signed.signature)
    blobs = {}
    for ref in manifest.blobs:
        content = api.get(f"/blobs/{ref.sha256}", token=gateway["credential"]).content
        assert (hashlib.sha256(content).hexdigest(), len(content)) == (ref.sha256, ref.size_bytes)
        blobs[ref.sha256] = content
    running = read_snapshot(manifest, blobs)
    assert [version.ref for version in running.versions] == ["logistics.parcels@1.0.0"]
    assert is_problem(api.get(f"/blobs/{'0' * 64}", token=gateway["credential"]), 404, "not-found")


def key_hashes(api, gateway) -> list[dict]:
    _, manifest = snapshot(api, gateway)
    ref = next(ref for ref in manifest.blobs if (ref.kind, ref.name) == ("consumer", "shop"))
    return api.get(f"/blobs/{ref.sha256}", token=gateway["credential"]).json()["keys"]


def test_a_key_is_shown_once_and_travels_as_a_keyed_hash(api) -> None:
    """Each issue and each revocation is a generation; the secret itself is nowhere."""
    import base64

    apply(api, workspace())
    gateway = api.enrol()
    issued = api.post("/consumers/shop/keys", {}, role="architect").json()
    assert issued["generation"] == 2 and issued["key"].startswith(f"wbk_{issued['key_id']}_")
    assert len(issued["key"]) == len("wbk_") + 8 + 1 + 43
    pepper = base64.b64decode(gateway["pepper"])
    mac = hmac.new(pepper, issued["key"].encode(), hashlib.sha256).hexdigest()
    assert key_hashes(api, gateway) == [{"key_id": issued["key_id"], "hmac_sha256": mac}]
    assert issued["key"] not in api.get("/consumers/shop/keys").text
    second = api.post("/consumers/shop/keys", {}).json()
    assert {each["key_id"] for each in key_hashes(api, gateway)} == {issued["key_id"], second["key_id"]}
    assert api.call("DELETE", f"/consumers/shop/keys/{issued['key_id']}").status_code == 204
    assert [each["key_id"] for each in key_hashes(api, gateway)] == [second["key_id"]]
    assert is_problem(api.call("DELETE", f"/consumers/shop/keys/{issued['key_id']}"), 404, "not-found")
    assert generation(api) == 4


def test_keys_survive_an_apply_and_an_apply_of_the_same_changes_nothing(api) -> None:
    apply(api, workspace())
    gateway = api.enrol()
    api.post("/consumers/shop/keys", {})
    assert apply(api, workspace())["is_published"] is False
    assert apply(api, workspace(upstream="http://127.0.0.1:10"))["generation"] == 3
    assert len(key_hashes(api, gateway)) == 1


def test_an_expired_key_leaves_the_next_snapshot(api, clock) -> None:
    apply(api, workspace())
    gateway = api.enrol()
    at = "2027-01-15T09:30:00+01:00"
    issued = api.post("/consumers/shop/keys", {"expires_at": at}).json()
    assert issued["expires_at"] == "2027-01-15T08:30:00.000000Z"
    assert key_hashes(api, gateway)[0]["expires_at"] == issued["expires_at"]
    clock.move(3600)
    apply(api, workspace(upstream="http://127.0.0.1:10"))
    assert key_hashes(api, gateway) == []
    assert is_problem(api.post("/consumers/shop/keys", {"expires_at": at}), 422, "invalid")
    assert is_problem(api.post("/consumers/shop/keys", {"expires_at": "2027-02-01T00:00:00"}), 422, "invalid")


def test_keys_are_issued_only_to_consumers_that_take_them(api) -> None:
    jwt = "consumer: shop\nname: Shop\nentities: [main]\ncontracts: {logistics.parcels: []}\nauth: [jwt]\n"
    apply(api, workspace(**{"consumers/shop.yaml": jwt}))
    assert is_problem(api.post("/consumers/shop/keys", {}), 409, "conflict")
    assert is_problem(api.post("/consumers/nobody/keys", {}), 404, "not-found")


def test_a_consumer_that_returns_does_not_inherit_its_keys(api) -> None:
    apply(api, workspace())
    gateway = api.enrol()
    api.post("/consumers/shop/keys", {})
    without = workspace()
    del without["consumers/shop.yaml"]
    apply(api, without)
    apply(api, workspace())
    assert key_hashes(api, gateway) == []
    assert api.get("/consumers").json()["items"][0]["live_keys"] == 0


def test_two_applies_at_once_give_two_generations_or_one_conflict(api) -> None:
    """Never a generation that mixes two workspaces."""
    from concurrent.futures import ThreadPoolExecutor

    apply(api, workspace())
    variants = [workspace(upstream=f"http://127.0.0.1:{port}") for port in range(20, 28)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda files: api.post("/workspace/apply", {"files": files}), variants))
    published = [answer.json()["generation"] for answer in answers if answer.status_code == 200]
    assert len(set(published)) == len(published) >= 1
    assert all(answer.status_code == 200 or is_problem(answer, 409, "conflict") for answer in answers)
    assert generation(api) == 1 + len(published)


def test_entities_and_consumers_in_force_are_listed(api) -> None:
    apply(api, workspace())
    api.post("/consumers/shop/keys", {})
    (entity,) = api.get("/entities", role="viewer").json()["items"]
    assert (entity["entity"], entity["currency"]) == ("main", "EUR")
    (consumer,) = api.get("/consumers", role="viewer").json()["items"]
    assert (consumer["consumer"], consumer["auth"], consumer["live_keys"]) == ("shop", ["api_key", "jwt", "mtls"], 1)
