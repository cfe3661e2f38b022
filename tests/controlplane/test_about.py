"""What the control plane says of itself, on both engines."""

from __future__ import annotations

from sqlalchemy import text

from controlplane.release import program_version


def test_engine_schema_size_generation_and_clock_are_told(api, clock, store_url) -> None:
    """A fresh database is at the newest revision; nothing is in force; any role may ask, nobody without a token."""
    told = api.get("/installation", role="executive").json()
    assert told["engine"] == ("postgresql" if store_url.startswith("postgresql") else "sqlite")
    assert told["engine_version"][0].isdigit() and told["size_bytes"] > 10_000
    assert told["version"] == program_version()
    assert told["revision"] == told["newest_revision"] != ""
    assert (told["generation"], told["now_us"]) == (0, clock.now_us)
    assert api.get("/installation", role=None).status_code == 401


def test_the_end_of_the_token_that_asks_is_told(api, clock) -> None:
    """None for a token without an end."""
    assert api.get("/installation").json()["token_expires_us"] is None
    body = {"name": "x", "role": "executive", "expires_at": "2027-06-01T00:00:00Z"}
    made = api.post("/tokens", body).json()
    assert api.get("/installation", token=made["token"]).json()["token_expires_us"] == made["expires_us"]


def test_a_database_that_another_version_has_migrated_is_told(api) -> None:
    newest = api.get("/installation").json()["revision"]
    stamp(api, "0001")
    try:
        told = api.get("/installation").json()
    finally:
        stamp(api, newest)  # the next test finds the same database
    assert told["revision"] == "0001" != told["newest_revision"]


def stamp(api, revision: str) -> None:
    with api.context.database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})
