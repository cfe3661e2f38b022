"""The way to the systems: pooled HTTP/1.1 over httptools and asyncio transports (design §4.4, §8).

`answer` holds what a call ends in. Retrying is the runner's decision, never this package's.
"""

from gateway.upstream.answer import (
    Headers,
    UpstreamAnswer,
    UpstreamBroken,
    UpstreamError,
    UpstreamUnreachable,
)

__all__ = [
    "Headers",
    "UpstreamAnswer",
    "UpstreamBroken",
    "UpstreamError",
    "UpstreamUnreachable",
]
