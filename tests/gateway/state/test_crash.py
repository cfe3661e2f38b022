"""SIGKILL in the middle of group commits, at random moments: what was acknowledged is there, and the chain is whole."""

import asyncio
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from gateway import stream
from gateway.state import backlog
from gateway.state.schema import open_reader
from gateway.state.sqlite import FILE, SqliteStore
from tests.gateway.state.sample import key

KILLS = 20
ROOT = Path(__file__).parents[3]


def start(directory: Path, life: int) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.gateway.state.writing", directory, str(life)], stdout=subprocess.PIPE
    )


def kill_while_writing(directory: Path, life: int, pause_s: float) -> dict[str, str]:
    """What the child said, last word per call: "begun" or "finished". A line cut off by the kill says nothing."""
    child = start(directory, life)
    try:
        first = child.stdout.readline()
        time.sleep(pause_s)
    finally:
        child.send_signal(signal.SIGKILL)
        rest, _ = child.communicate()
    said = (first + rest).split(b"\n")[:-1]
    return {name: word for word, name in (line.decode().split() for line in said)}


def test_nothing_acknowledged_is_lost(tmp_path):
    """Over 20 kills: every begin and finish that returned is in the file, an intent without outcome is in doubt, no
    stream has a gap, no process was stopped from starting."""
    draw = random.Random(7)
    said: dict[str, str] = {}
    for life in range(KILLS):
        said |= kill_while_writing(tmp_path, life, draw.uniform(0.0, 0.1))
    assert sum(word == "finished" for word in said.values()) > KILLS

    async def check():
        store = await SqliteStore.open(tmp_path, "gw", 0)
        assert store.stream == f"gw/0/{KILLS + 1}"
        in_doubt = {item.intent.entry.exchange_id for item in await store.pending(100_000) if item.state == "in_doubt"}
        for name, word in said.items():
            claim = await store.claim(key(name))
            assert claim is not None, name
            if word == "finished":
                assert claim.state in ("executed", "answered"), name
                assert claim.answer.body == name.encode()
            else:
                assert claim.state in ("executed", "answered") or name in in_doubt
        assert in_doubt, "no kill hit a running call: the test proves nothing"
        await store.close()

    asyncio.run(check())
    reader = open_reader(tmp_path / FILE)
    names = backlog.streams(reader)
    assert len(names) == KILLS + 1
    for name in names:
        stream.check(backlog.lines_of(reader, name))
    reader.close()
