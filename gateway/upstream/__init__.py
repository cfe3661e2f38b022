"""The way to the systems: pooled HTTP/1.1 over httptools and asyncio transports (design §4.4, §8).

`client.Upstream` is the whole interface; `answer` holds what a call ends in, `request` writes, `connection` reads,
`pool` bounds. Retrying is the runner's decision, never this package's.
"""

from gateway.upstream.answer import (
    Headers,
    UpstreamAnswer,
    UpstreamBroken,
    UpstreamError,
    UpstreamUnreachable,
)
from gateway.upstream.client import Upstream
from gateway.upstream.request import end_to_end

__all__ = [
    "Headers",
    "Upstream",
    "UpstreamAnswer",
    "UpstreamBroken",
    "UpstreamError",
    "UpstreamUnreachable",
    "end_to_end",
]
