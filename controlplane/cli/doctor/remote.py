"""The control plane as this machine's token sees it, and the gateways that it knows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from catalog.errors import Invalid, Unauthorized, Unavailable, WaybillError
from controlplane.cli.client import Client, segment
from controlplane.cli.doctor.check import Check, good, mind, wrong
from controlplane.cli.doctor.local import utc_now
from controlplane.release import program_version

AREA = "control plane"
SOON = timedelta(days=14)
SKEW_S = 2.0  # records carry wall clocks; beyond it, orders of events look odd
SKEW_TOO_MUCH_S = 30.0  # the leeway for token times
LAG_S = 60.0


def remote(connected: Callable[[], Client], now: datetime) -> Iterator[Check]:
    """What can be asked; the first answer that fails ends it with one check that says why."""
    try:
        with connected() as client:
            asked = utc_now()
            told = client.get("/installation")
            answered = utc_now()
            yield good(AREA, "connection", client.url)
            yield from _itself(told)
            yield from clock(told["now_us"], asked, answered)
            yield from _token(client.get("/whoami"), told["token_expires_us"], now)
            yield from _gateways(client, told)
            yield from _keys(client, now)
    except Unauthorized as error:
        yield wrong(AREA, "token", error.detail, "waybill token create, by an admin; then --token or WAYBILL_TOKEN")
    except Unavailable as error:
        yield wrong(AREA, "connection", error.detail, "start it: waybill up, or waybill serve")
    except Invalid as error:
        yield mind(AREA, "connection", error.detail, "without one, only this machine was looked at")
    except WaybillError as error:
        yield wrong(AREA, "connection", error.detail, "see that program and control plane are of one version")


def _itself(told: dict[str, Any]) -> Iterator[Check]:
    mine = program_version()
    if told["version"] != mine:
        detail = f"{told['version']}, this program is {mine}"
        yield mind(AREA, "version", detail, "install the same version here and there")
    else:
        yield good(AREA, "version", mine)
    size = f"{told['size_bytes'] / (1 << 20):.1f} MiB"
    yield good(AREA, "database", f"{told['engine']} {told['engine_version']}, {size}")
    if told["revision"] != told["newest_revision"]:
        detail = f"at {told['revision']}, this control plane knows {told['newest_revision']}"
        yield wrong(AREA, "schema", detail, "end the older control planes and restart the newest, which migrates")
    else:
        yield good(AREA, "schema", f"at {told['revision']}, the newest")
    if told["generation"] == 0:
        yield mind(AREA, "snapshot", "nothing was ever applied", "waybill apply")
    else:
        yield good(AREA, "snapshot", f"generation {told['generation']}")


def clock(there_us: int, asked: datetime, answered: datetime) -> Iterator[Check]:
    """What two clocks differ by at least: the other one was read between `asked` and `answered`, however slowly."""
    there_s = there_us / 1e6
    skew_s = max(asked.timestamp() - there_s, there_s - answered.timestamp(), 0.0)
    detail = f"{skew_s:.1f} s apart from this machine's"
    remedy = "set both clocks by NTP"
    if skew_s > SKEW_TOO_MUCH_S:
        yield wrong(AREA, "clock", detail, remedy)
    elif skew_s > SKEW_S:
        yield mind(AREA, "clock", detail, remedy)
    else:
        yield good(AREA, "clock", detail)


def _token(who: dict[str, Any], expires_us: int | None, now: datetime) -> Iterator[Check]:
    scope = "all entities" if "*" in who["entities"] else ", ".join(who["entities"])
    detail = f"{who['name']}, {who['role']} for {scope}"
    if expires_us is None:
        yield good(AREA, "token", f"{detail}, until it is revoked")
        return
    end = datetime.fromtimestamp(expires_us / 1e6, UTC)
    detail += f", until {end:%Y-%m-%d %H:%M}Z"
    is_soon = end - now < SOON
    yield mind(AREA, "token", detail, "waybill token create, by an admin") if is_soon else good(AREA, "token", detail)


def _gateways(client: Client, told: dict[str, Any]) -> Iterator[Check]:
    known = [item for item in client.get("/gateways")["items"] if item["state"] != "revoked"]
    if not known:
        yield mind("gateway", "gateways", "none has enrolled", "waybill gateway token NAME, then waybill gateway run")
    listed = client.get("/streams")
    streams = {item["stream"]: item for item in (listed["items"] if isinstance(listed, dict) else listed)}
    for item in known:
        yield _gateway(item, told["generation"])
        for stream, why in item["halted"].items():
            detail = f"{stream} is not shipped any further: {why}"
            yield wrong("gateway", item["name"], detail, "see its log; a restored state begins anew in an empty one")
        own = (streams[name] for name in item["streams"] if name in streams and not streams[name]["is_closed"])
        yield from _streams(item["name"], own, told["now_us"])


def _gateway(item: dict[str, Any], generation: int) -> Check:
    running = item["running_generation"] or 0
    detail = f"runs generation {running} of {generation}"
    if item["is_stale"]:
        seen = datetime.fromtimestamp(item["last_seen_us"] / 1e6, UTC)
        told = f"last heard of {seen:%Y-%m-%d %H:%M:%S}Z"
        return wrong("gateway", item["name"], told, "start it, or end it for good: waybill gateway revoke")
    if item["state"] == "nack":
        return wrong(
            "gateway", item["name"], f"refused generation {item['generation']}: {item['detail']}", "mend that and apply"
        )
    if running < generation:
        return mind("gateway", item["name"], detail, "within seconds it should run the newest; if not, see its log")
    return good("gateway", item["name"], detail)


def _streams(name: str, streams: Iterable[dict[str, Any]], now_us: int) -> Iterator[Check]:
    for stream in streams:
        ahead_s = (stream["last_at_us"] - now_us) / 1e6
        if ahead_s > SKEW_S:
            yield mind("gateway", name, f"its clock is {ahead_s:.1f} s ahead", "set its clock by NTP")
        if stream["lag_us"] / 1e6 > LAG_S:
            lag = f"its last records took {stream['lag_us'] / 1e6:.0f} s to arrive"
            yield mind("gateway", name, lag, "figures are as late; look at the network between, and at its clock")


def _keys(client: Client, now: datetime) -> Iterator[Check]:
    """API keys that end soon and have no successor; asked only with a token that may see keys."""
    for consumer in client.get("/consumers")["items"]:
        if "api_key" not in consumer["auth"]:
            continue
        try:
            items = client.get(f"/consumers/{segment(consumer['consumer'])}/keys")["items"]
        except WaybillError:
            return
        live = [item for item in items if item["revoked_us"] is None]
        ends = [datetime.fromisoformat(item["expires_at"]) if item["expires_at"] else None for item in live]
        told = [end for end in ends if end is not None]
        if told and len(told) == len(ends) and max(told) - now < SOON:
            detail = f"the last key of {consumer['consumer']} ends {max(told):%Y-%m-%d %H:%M}Z"
            yield mind(AREA, "keys", detail, f"waybill consumer key rotate {consumer['consumer']}")
