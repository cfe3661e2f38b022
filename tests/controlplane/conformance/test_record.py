"""Recorded runs: who, when, of which document; an architect's act, and nobody else's."""

from __future__ import annotations

from tests.controlplane.conftest import is_problem

REPORT = {
    "contract": "shop.orders@1.0.0",
    "sha256": "a" * 64,
    "target": "http://127.0.0.1:9000",
    "seed": 0,
    "conforms": True,
    "requests": 7,
    "operations": [{"operation": "orders.list", "state": "conforms"}, {"operation": "x", "state": "not exercised"}],
    "findings": [{"rule": "request-refused", "level": "warning"}],
}
PATH = "/contracts/shop.orders/1.0.0/conformance"


def test_a_run_is_kept_with_who_and_when(api, clock) -> None:
    first = api.post(PATH, REPORT, "architect")
    assert first.status_code == 201, first.text
    clock.move(60)
    api.post(PATH, {**REPORT, "conforms": False, "findings": [{"level": "error"}]}, "architect")
    latest, before = api.get(PATH).json()["items"]
    assert (latest["conforms"], latest["errors"], before["conforms"], before["errors"]) == (False, 1, True, 0)
    assert latest["at_us"] - before["at_us"] == 60_000_000
    assert (before["who"], before["requests"], before["not_exercised"]) == ("architect", 7, 1)
    acts = api.get("/audit?what=conformance.").json()["items"]
    assert [each["target"] for each in acts] == ["shop.orders@1.0.0"] * 2
    assert api.get("/contracts/shop.orders/2.0.0/conformance").json()["items"] == []


def test_what_is_no_report_is_refused(api) -> None:
    assert is_problem(api.post(PATH, REPORT, "executive"), 403, "forbidden")
    assert is_problem(api.post("/contracts/shop.orders/2.0.0/conformance", REPORT), 422, "invalid")
    assert api.post(PATH, {**REPORT, "sha256": "no"}).status_code in (400, 422)
