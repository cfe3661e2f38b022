"""Rotation of consumers' keys: a new key and an end for the old ones, in one step."""

from __future__ import annotations

import pytest

from tests.controlplane.conftest import START_US, is_problem
from tests.controlplane.registry.test_registry import apply, generation, key_hashes
from tests.controlplane.workspace import workspace

KEYS = "/consumers/shop/keys"
WEEK_LATER = "2027-01-22T08:00:00.000000Z"  # than the clock's start


@pytest.fixture
def gateway(api):
    apply(api, workspace())
    return api.enrol()


def ends(api, gateway) -> dict[str, str | None]:
    return {each["key_id"]: each.get("expires_at") for each in key_hashes(api, gateway)}


def states(api) -> dict[str, str]:
    return {each["key_id"]: each["state"] for each in api.get(KEYS).json()["items"]}


def test_a_rotation_overlaps(api, gateway) -> None:
    """Seven days unless told otherwise; both keys are in the one generation that it publishes."""
    assert START_US == 1_800_000_000_000_000
    old = api.post(KEYS, {}).json()
    before = generation(api)
    rotated = api.post(f"{KEYS}/rotate", {}, role="architect").json()
    assert (rotated["replaced"], rotated["replaced_end_at"]) == ([old["key_id"]], WEEK_LATER)
    assert rotated["generation"] == before + 1 == generation(api)
    assert rotated["key"].startswith(f"wbk_{rotated['key_id']}_") and rotated["expires_at"] is None
    assert ends(api, gateway) == {old["key_id"]: WEEK_LATER, rotated["key_id"]: None}
    assert states(api) == {old["key_id"]: "ending", rotated["key_id"]: "live"}
    assert rotated["key"] not in api.get(KEYS).text


def test_an_overlap_ends_by_itself(api, gateway, clock) -> None:
    old = api.post(KEYS, {}).json()
    rotated = api.post(f"{KEYS}/rotate", {"overlap_s": 60}).json()
    clock.move(61)
    assert states(api) == {old["key_id"]: "expired", rotated["key_id"]: "live"}
    assert api.get("/consumers").json()["items"][0]["live_keys"] == 1


def test_without_overlap_the_old_keys_leave_the_snapshot_at_once(api, gateway) -> None:
    api.post(KEYS, {})
    api.post(KEYS, {})
    rotated = api.post(f"{KEYS}/rotate", {"overlap_s": 0}).json()
    assert len(rotated["replaced"]) == 2
    assert ends(api, gateway) == {rotated["key_id"]: None}


def test_a_rotation_never_prolongs_a_key(api, gateway) -> None:
    """What was to end earlier still does; revoked and expired keys stay what they are."""
    soon = "2027-01-15T09:00:00.000000Z"
    ending, revoked = api.post(KEYS, {"expires_at": soon}).json(), api.post(KEYS, {}).json()
    api.call("DELETE", f"{KEYS}/{revoked['key_id']}")
    rotated = api.post(f"{KEYS}/rotate", {}).json()
    assert rotated["replaced"] == [ending["key_id"]]
    assert ends(api, gateway) == {ending["key_id"]: soon, rotated["key_id"]: None}
    assert states(api)[revoked["key_id"]] == "revoked"


def test_another_consumer_s_keys_are_left_alone(api, gateway) -> None:
    files = workspace()
    files["consumers/other.yaml"] = files["consumers/shop.yaml"].replace("shop", "other")
    apply(api, files)
    other = api.post("/consumers/other/keys", {}).json()
    api.post(KEYS, {})
    api.post(f"{KEYS}/rotate", {"overlap_s": 0})
    assert api.get("/consumers/other/keys").json()["items"][0]["state"] == "live"
    assert other["key_id"]


def test_a_rotation_that_cannot_be_changes_nothing(api, gateway) -> None:
    assert is_problem(api.post(f"{KEYS}/rotate", {}), 409, "conflict")
    api.post(KEYS, {})
    before = generation(api)
    assert is_problem(api.post("/consumers/nobody/keys/rotate", {}), 404, "not-found")
    assert is_problem(api.post(f"{KEYS}/rotate", {"expires_at": "2020-01-01T00:00:00Z"}), 422, "invalid")
    assert api.post(f"{KEYS}/rotate", {"overlap_s": -1}).status_code == 400
    assert is_problem(api.post(f"{KEYS}/rotate", {}, role="viewer"), 403, "forbidden")
    assert generation(api) == before
