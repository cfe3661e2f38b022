"""A process that begins and finishes calls until it is killed, and says so after each that returned."""

import asyncio
import os
import sys
from pathlib import Path

from catalog.record import OutcomeEntry
from gateway.state.sqlite import SqliteStore
from gateway.state.store import Outcome
from tests.gateway.state.sample import answer, exchange, intent, key


async def work(store: SqliteStore, name: str) -> None:
    for number in range(10_000):
        call = f"{name}-{number}"
        assert await store.begin(intent(call, key(call))) is None
        os.write(1, f"begun {call}\n".encode())
        await asyncio.sleep(0.001 * (number % 3))
        await store.finish(Outcome(OutcomeEntry(call, "yes", 201), "executed", answer(body=call.encode())))
        os.write(1, f"finished {call}\n".encode())
        store.append(exchange(call))


async def main() -> None:
    store = await SqliteStore.open(Path(sys.argv[1]), "gw", 0)
    await asyncio.gather(*(work(store, f"{sys.argv[2]}-{worker}") for worker in range(12)))


if __name__ == "__main__":
    asyncio.run(main())
