"""A gateway process as far as its state goes: does what its first argument says over a shared database, and tells.

`race` begins the same calls as others at the same time; `quota` takes from one bucket; `write` begins and finishes
calls until it is killed, as `tests.gateway.state.writing` does; `stall` begins a call, and finishes it when it is told.
"""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable

from catalog.errors import Unavailable
from gateway.state.postgres.store import PostgresStore
from tests.gateway.state.sample import answer, exchange, executed, intent, key
from tests.gateway.state.writing import work


def say(text: str) -> None:
    os.write(1, f"{text}\n".encode())


async def told() -> None:
    """Wait for a line."""
    await asyncio.to_thread(sys.stdin.readline)


async def race(store: PostgresStore, name: str) -> None:
    """One call for each of 200 keys, in an order of its own, many at once; says which it may make."""
    await told()
    keys = [(n * (7 if name.endswith("1") else 13)) % 200 for n in range(200)]

    async def call(number: int) -> None:
        claim = await store.begin(intent(f"{name}-{number}", key(f"k{number}")))
        say(f"mine {number}" if claim is None else f"theirs {number} {claim.state}")

    for start in range(0, 200, 40):
        await asyncio.gather(*(call(number) for number in keys[start : start + 40]))


async def quota(store: PostgresStore, name: str) -> None:
    """100 calls of a quota of 100 in an hour."""
    await told()
    taken = await asyncio.gather(*(store.take(("limit", "ap"), 36.0, 99 * 36.0, 0.0) for _ in range(100)))
    say(f"allowed {sum(1 for wait_s, _ in taken if wait_s == 0.0)}")


async def write(store: PostgresStore, name: str) -> None:
    await asyncio.gather(*(work(store, f"{name}-{worker}") for worker in range(12)))


async def stall(store: PostgresStore, name: str) -> None:
    await store.begin(intent(name, key(name)))
    say("begun")
    await told()
    try:
        await store.finish(executed(name, body=answer().body))
        say("finished")
    except Unavailable:
        say("refused")
    store.append(exchange(name))
    await asyncio.wait_for(store.lost.wait(), 5)
    say("lost")


DOES: dict[str, Callable[[PostgresStore, str], Awaitable[None]]] = {
    "race": race,
    "quota": quota,
    "write": write,
    "stall": stall,
}


async def main() -> None:
    what, url, gateway, slot, name = sys.argv[1:6]
    store = await PostgresStore.open(url, gateway, int(slot), "group north", lease_s=float(sys.argv[6]))
    say("open")
    await DOES[what](store, name)
    if what != "stall":
        await store.close()


if __name__ == "__main__":
    asyncio.run(main())
