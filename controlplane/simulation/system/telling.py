"""State changes that a system tells as CloudEvents, in structured mode (CloudEvents 1.0.2, JSON event format)."""

from __future__ import annotations

from controlplane.simulation.caller import Call
from controlplane.simulation.system.record import Document, moment

STRUCTURED = "application/cloudevents+json"


def tell(system: str, path: str, event: str, data: Document, trace: str = "") -> Call:
    """The call that tells `event` of the object in `data`: one event for each object and type, however often sent."""
    document = {
        "specversion": "1.0",
        "id": f"{event}/{data['id']}",
        "source": f"/systems/{system}",
        "type": event,
        "time": moment(),
        "datacontenttype": "application/json",
        "data": data,
    }
    return Call("POST", path, document, trace=trace, media=STRUCTURED, is_safe=True)
