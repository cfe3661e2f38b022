"""Tokens: made random, kept as hashes, shown once, revoked at once; roles open exactly their routes."""

from __future__ import annotations

import pytest
from sqlalchemy import insert, select

from controlplane.identity import credential
from controlplane.identity.principal import PERMISSIONS, Permission, Role, User
from controlplane.identity.service import IdentityService
from controlplane.identity.store import token
from tests.controlplane.conftest import is_problem


def test_a_token_is_shown_once_and_kept_as_a_hash(api, context) -> None:
    """The secret is in the answer of its making and nowhere in the store or in later answers."""
    issued = api.post("/tokens", {"name": "pages", "role": "viewer"}).json()
    assert issued["token"].startswith("wbt_")
    assert issued["token"] not in api.get("/tokens").text
    with context.database.read() as connection:
        row = connection.execute(select(token).where(token.c.token_id == issued["token_id"])).one()
    assert row.sha256 == credential.digest(issued["token"])
    assert not any(issued["token"] in str(value) for value in row)
    assert api.get("/whoami", token=issued["token"]).json() == {
        "id": f"token:{issued['token_id']}",
        "name": "pages",
        "role": "executive",
        "entities": ["*"],
        "sees": None,
        "permissions": ["audit", "read"],
    }


def test_a_revoked_token_opens_nothing(api) -> None:
    issued = api.post("/tokens", {"name": "leaver", "role": "admin"}).json()
    assert api.call("DELETE", f"/tokens/{issued['token_id']}").status_code == 204
    assert is_problem(api.get("/whoami", token=issued["token"]), 401, "unauthorized")
    assert is_problem(api.call("DELETE", f"/tokens/{issued['token_id']}"), 404, "not-found")


def test_the_last_admin_token_cannot_be_revoked(api) -> None:
    """Otherwise nobody could make another one."""
    api.post("/tokens", {"name": "for a day", "role": "admin", "expires_at": "2100-01-01T00:00:00Z"})
    api.post("/tokens", {"name": "for one entity", "role": "admin", "entities": ["lakeside"]})
    items = api.get("/tokens").json()["items"]
    admin = next(item["token_id"] for item in items if item["name"] == "admin")
    assert is_problem(api.call("DELETE", f"/tokens/{admin}"), 409, "conflict")


@pytest.mark.parametrize(
    "text", ["", "wbt_", "wbt_abcdefgh_", "wbt_abcdefgh_wrong", "wbg_abcdefgh_wrong", "x" * 5000, "wbt_" + "\x7f" * 40]
)
def test_what_is_no_token_is_refused(api, text: str) -> None:
    answer = api.client.get("/api/v1/whoami", headers={"authorization": f"Bearer {text}"})
    assert is_problem(answer, 401, "unauthorized")
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_right_id_with_a_wrong_secret_is_refused(api) -> None:
    right = api.tokens["admin"]
    wrong = right[:-1] + ("A" if right[-1] != "A" else "B")
    assert is_problem(api.get("/whoami", token=wrong), 401, "unauthorized")


def test_two_credentials_at_once_are_refused(api) -> None:
    headers = [("authorization", f"Bearer {api.tokens['admin']}"), ("authorization", "Bearer other")]
    assert is_problem(api.client.get("/api/v1/whoami", headers=headers), 401, "unauthorized")


def test_use_is_noted_at_most_once_a_minute(api, clock) -> None:
    def last_used() -> int:
        items = api.get("/tokens").json()["items"]
        return next(item["last_used_us"] for item in items if item["name"] == "viewer")

    api.get("/whoami", role="viewer")
    first = last_used()
    clock.move(59)
    api.get("/whoami", role="viewer")
    assert last_used() == first == clock.now_us - 59_000_000
    clock.move(2)
    api.get("/whoami", role="viewer")
    assert last_used() == clock.now_us


def test_the_first_admin_token_is_made_once(context) -> None:
    service = IdentityService(context)
    first = service.ensure_first_admin()
    assert first is not None and service.user(first).role.name == "admin"
    assert service.ensure_first_admin() is None


def test_token_bodies_are_checked(api) -> None:
    """Every wrong member is named with its place."""
    answer = api.post("/tokens", {"name": "x", "role": "emperor"})
    assert is_problem(answer, 400, "invalid-request")
    assert answer.json()["problems"][0]["pointer"] == "/body/role"
    assert is_problem(api.post("/tokens", {"name": "x", "role": "viewer", "more": 1}), 400, "invalid-request")
    assert is_problem(api.call("POST", "/tokens", content=b"{nope"), 400, "invalid-request")


def test_a_token_ends_when_it_says(api, clock) -> None:
    """To the microsecond; a time that is past or no time makes none."""
    body = {"name": "brief", "role": "executive", "expires_at": "2027-01-15T09:00:00+00:00"}
    token = api.post("/tokens", body).json()["token"]
    assert api.get("/whoami", token=token).status_code == 200
    clock.move(3_600 - 0.000001)
    assert api.get("/whoami", token=token).status_code == 200
    clock.move(0.000001)
    assert is_problem(api.get("/whoami", token=token), 401, "unauthorized")
    for wrong in ("2020-01-01T00:00:00Z", "tomorrow", "2100-01-01T00:00:00"):
        assert is_problem(api.post("/tokens", {**body, "expires_at": wrong}), 422, "invalid")


def test_a_token_for_nobody_is_not_made(api) -> None:
    assert is_problem(api.post("/tokens", {"name": "x", "role": "executive", "entities": []}), 400, "invalid-request")


def test_rows_of_the_former_role_go_on_working(api, context) -> None:
    """A token that was stored as a viewer's is an executive's, for all legal entities, without end."""
    text = "wbt_oldviewr_" + "x" * 43
    row = {"token_id": "oldviewr", "name": "old", "role": "viewer", "sha256": credential.digest(text)}
    with context.database.write() as connection:
        connection.execute(insert(token).values(**row, created_us=1, created_by="t"))
    told = api.get("/whoami", token=text).json()
    assert (told["role"], told["entities"]) == ("executive", ["*"])


def test_every_role_reads_and_no_role_but_the_admin_does_everything() -> None:
    """The table of roles: who publishes does not settle, who settles does not publish or approve."""
    assert set(PERMISSIONS) == set(Role)
    assert all(Permission.read in permissions for permissions in PERMISSIONS.values())
    assert [role for role, permissions in PERMISSIONS.items() if permissions == set(Permission)] == [Role.admin]
    assert [role for role in Role if User("1", "n", role).may(Permission.settle)] == [Role.operator, Role.admin]
    assert [role for role in Role if User("1", "n", role).may(Permission.publish)] == [Role.architect, Role.admin]
    assert [role for role in Role if User("1", "n", role).may(Permission.administer)] == [Role.admin]
