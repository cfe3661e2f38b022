"""Gateway groups: gateways that share one state, and so may tell of each other's calls and ship each other's streams.

A gateway's id says which group it is of: `north.edge-1a2b3c` is of group `north`, `edge-1a2b3c` shares its state with
no other. So whatever is named by gateway or stream tells its group without being looked up.
"""

from __future__ import annotations

ALONE = "default"  # what a gateway is enrolled in that is of no group
_SEPARATOR = "."


def member_id(group: str, gateway_id: str) -> str:
    """The id of a gateway in a group."""
    return gateway_id if group == ALONE else f"{group}{_SEPARATOR}{gateway_id}"


def home(gateway_id: str) -> str:
    """What the ids of all gateways begin with that share a state with `gateway_id`; the id itself when there is no
    other."""
    group, separator, _ = gateway_id.partition(_SEPARATOR)
    return f"{group}{separator}"


def home_of_stream(stream: str) -> str:
    """`home` of the gateway whose stream it is."""
    return home(stream.partition("/")[0])
