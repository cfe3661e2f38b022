"""Small facts that every page needs: whether there is synthetic history, and what gateways ought to run."""

from __future__ import annotations

from tests.controlplane.conftest import Api
from tests.controlplane.workspace import workspace


def test_readers_learn_of_synthetic_history(api: Api) -> None:
    assert api.get("/synthetic-streams", role="executive").json() == {"items": []}
    assert api.post("/synthetic-streams", {"stream": "synthetic/1/1"}).status_code == 201
    (told,) = api.get("/synthetic-streams", role="executive").json()["items"]
    assert told == {"stream": "synthetic/1/1", "last": 0, "is_closed": False}


def test_gateways_are_told_beside_the_newest_generation(api: Api) -> None:
    """So that one that is behind can be seen, even when it is the only one."""
    assert api.get("/gateways").json() == {"items": [], "newest_generation": 0}
    api.post("/workspace/apply", {"files": workspace()})
    api.enrol()
    document = api.get("/gateways").json()
    assert (document["newest_generation"], document["items"][0]["running_generation"]) == (1, None)
