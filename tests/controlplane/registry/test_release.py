"""Publishing new versions: numbers against changes, waivers, sunsets, and whom a new canonical schema reaches."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from controlplane.cli.workspace import say_releases
from tests.controlplane.workspace import OPENAPI, contract, workspace

FOLDER = "contracts/logistics/parcels"
PARCEL = {
    "$id": "canonical:parcel@1.0.0",
    "type": "object",
    "required": ["id"],
    "properties": {"id": {"type": "string"}, "weight_g": {"type": "integer", "minimum": 1}},
}


def document(change=lambda document: None) -> str:
    made = copy.deepcopy(OPENAPI)
    change(made)
    return json.dumps(made)


def body(made: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = made["paths"]["/parcels"]["post"]["requestBody"]["content"]["application/json"]
    return found


def demanding(made: dict[str, Any]) -> None:
    """The next version asks for more than the one before."""
    schema = body(made)["schema"]
    schema["required"] = [*schema.get("required", []), "colour"]


def versions(**documents: str) -> dict[str, str]:
    names = {name.removeprefix("v").replace("_", "."): text for name, text in documents.items()}
    files = workspace(dict.fromkeys(names, "published"))
    return files | {f"{FOLDER}/{name}/openapi.json": text for name, text in names.items()}


def asked(api, what: str, files: dict[str, str], status: int = 200) -> dict[str, Any]:
    answer = api.post(f"/workspace/{what}", {"files": files})
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_number_that_promises_too_much_is_refused_with_the_change(api) -> None:
    """By plan and apply alike; under the number that the change asks for it is published."""
    asked(api, "apply", versions(v1_0_0=document()))
    files = versions(v1_0_0=document(), v1_1_0=document(demanding))
    made = asked(api, "plan", files)
    (release,) = made["releases"]
    assert (release["name"], release["declared"], release["needed"]) == ("logistics.parcels@1.1.0", "minor", "major")
    (refused,) = made["refused"]
    assert (refused["rule"], refused["file"]) == ("under-bump", f"{FOLDER}/1.1.0/openapi.json")
    assert "2.0.0" in refused["remedy"]
    assert [each["rule"] for each in asked(api, "apply", files, 409)["problems"]] == ["under-bump"]
    majors = versions(v1_0_0=document(), v2_0_0=document(demanding))
    assert asked(api, "apply", majors)["is_published"]


def test_a_waiver_lets_it_through_until_it_ends(api, clock, capsys) -> None:
    """Whoever reads the plan sees what it lets through and why; it is told as doing nothing once all is published."""
    asked(api, "apply", versions(v1_0_0=document()))
    files = versions(v1_0_0=document(), v1_1_0=document(demanding))
    (reason,) = [each for each in asked(api, "plan", files)["releases"][0]["reasons"] if each["severity"] == "major"]
    today = datetime.fromtimestamp(clock.now_us / 1e6, UTC).date()
    waiver = {
        "fingerprint": reason["fingerprint"],
        "subject": "logistics.parcels",
        "reason": "Every caller sends a colour already.",
        "approver": "logistics-lead",
        "expires": today.isoformat(),
    }
    waived = {**files, "waivers/all.yaml": json.dumps([waiver])}
    clock.now_us += 86_400_000_000
    late = asked(api, "plan", waived)
    assert [each["rule"] for each in late["refused"]] == ["under-bump"]
    assert [each["file"] for each in late["notes"] if each["rule"] == "waiver"] == ["waivers/all.yaml"]
    clock.now_us -= 86_400_000_000
    say_releases(asked(api, "plan", waived))
    told = capsys.readouterr().out
    assert "waived: POST /parcels /paths/~1parcels/post/" in told and "breaks:" not in told
    assert f"because: Every caller sends a colour already. (logistics-lead, until {today})" in told
    assert asked(api, "apply", waived)["is_published"]
    after = asked(api, "plan", waived)
    assert not after["refused"] and not after["releases"]
    assert [each["pointer"] for each in after["notes"] if each["rule"] == "waiver"] == ["/0"]


def test_no_version_is_retired_before_its_sunset(api, clock) -> None:
    moment = datetime.fromtimestamp(clock.now_us / 1e6, UTC)
    state = {"deprecated_at": "2026-01-01T00:00:00Z", "successor": "2.0.0"}
    state["sunset_at"] = moment.replace(year=moment.year + 1).isoformat()
    files = versions(v1_0_0=document(), v2_0_0=document(demanding))

    def told(name: str) -> dict[str, str]:
        return {**files, f"{FOLDER}/contract.yaml": contract({"1.0.0": {"state": name, **state}, "2.0.0": "published"})}

    asked(api, "apply", told("deprecated"))
    (refused,) = asked(api, "plan", told("retired"))["refused"]
    assert (refused["rule"], refused["pointer"]) == ("sunset", "/versions/1.0.0/state")
    clock.now_us += 400 * 86_400_000_000
    assert not asked(api, "plan", told("retired"))["refused"]


def test_an_announced_end_cannot_be_rewritten_by_the_change_that_needs_it(api, clock) -> None:
    """What was told to readers is what is in force: no date in the same change makes it earlier, retired or not."""
    now = datetime.fromtimestamp(clock.now_us / 1e6, UTC)
    files = versions(v1_0_0=document(), v2_0_0=document(demanding))

    def told(name: str, days: int) -> dict[str, str]:
        sunset = (now + timedelta(days=days)).isoformat()
        state = {"deprecated_at": "2026-01-01T00:00:00Z", "successor": "2.0.0", "sunset_at": sunset, "state": name}
        return {**files, f"{FOLDER}/contract.yaml": contract({"1.0.0": state, "2.0.0": "published"})}

    asked(api, "apply", told("deprecated", 120))
    for name, days, pointer in (
        ("retired", -1, "state"),
        ("deprecated", 30, "sunset_at"),
        ("deprecated", -1, "sunset_at"),
    ):
        (refused,) = asked(api, "plan", told(name, days))["refused"]
        assert (refused["rule"], refused["pointer"]) == ("sunset", f"/versions/1.0.0/{pointer}")
        assert "announced to answer until" in refused["message"]
    for days in (100, 200):  # a quarter from today, or later
        assert not asked(api, "plan", told("deprecated", days))["refused"]


def test_what_a_version_owes_is_not_loosened_by_the_change_that_brings_it(api) -> None:
    """Nobody would have been asked about the break; by itself the change of the rule is seen, and then counts."""
    asked(api, "apply", versions(v1_0_0=document()))

    def free(**documents: Any) -> dict[str, str]:
        files = versions(**documents)
        told = json.loads(files[f"{FOLDER}/contract.yaml"])
        return {**files, f"{FOLDER}/contract.yaml": json.dumps({**told, "compatibility": "none"})}

    both = {"v1_0_0": document(), "v1_1_0": document(demanding)}
    (refused,) = asked(api, "plan", free(**both))["refused"]
    assert (refused["rule"], refused["pointer"]) == ("compatibility-loosened", "/compatibility")
    assert asked(api, "apply", free(v1_0_0=document()))["is_published"]
    assert not asked(api, "plan", free(**both))["refused"]


def test_contracts_that_use_a_changed_schema_are_named_and_keep_their_pins(api) -> None:
    """What taking it over would ask of them, as a release of its own."""

    def using(made: dict[str, Any]) -> None:
        body(made)["schema"] = {"$ref": "canonical:parcel@^1.0"}

    first = versions(v1_0_0=document(using))
    first["schemas/parcel/1.0.0.json"] = json.dumps(PARCEL)
    asked(api, "apply", first)
    changed = copy.deepcopy(PARCEL)
    changed["$id"] = "canonical:parcel@1.1.0"
    changed["properties"]["weight_g"]["minimum"] = 0
    made = asked(api, "plan", {**first, "schemas/parcel/1.1.0.json": json.dumps(changed)})
    (reached,) = made["reached"]
    assert (reached["schema"], reached["contract"], reached["pinned"]) == (
        "parcel@1.1.0",
        "logistics.parcels@1.0.0",
        ["1.0.0"],
    )
    assert (reached["verdict"], reached["bump"], reached["as_version"]) == ("compatible", "minor", "1.1.0")
    assert not made["refused"] and [item["name"] for item in made["changed"]] == []
