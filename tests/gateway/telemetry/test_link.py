"""Which exchanges a span is linked to."""

import msgspec

from catalog import conventions as names
from catalog.record import ObjectLink, ObjectRef
from gateway.telemetry.link import Linker, Place
from tests.gateway.telemetry.sample import EXCHANGE

ORDER = ObjectRef("order", "north", "PO-1")
REQUISITION = ObjectRef("requisition", "north", "R-1")
SUPPLIER = ObjectRef("supplier", "master", "S-1")


def exchange(number, **more):
    return msgspec.structs.replace(EXCHANGE, trace_id=f"{number:032x}", span_id=f"{number:016x}", **more)


def place(number):
    return Place(f"{number:032x}", f"{number:016x}")


def told(links):
    return [
        (link.context.span_id, link.attributes[names.LINK_RELATION], link.attributes[names.LINK_ROLE]) for link in links
    ]


def linked(linker, record):
    linker.prepare([record])
    return told(linker.links(record))


def test_first_and_last_of_the_object_and_of_what_it_follows_from():
    """The store tells who made an object known; the last exchange that changed it is remembered. References are not
    followed, nor is anything linked to itself or twice."""
    asked = []

    def look_up(objects):
        asked.append(tuple(objects))
        return {ORDER: place(1), REQUISITION: place(9)}

    linker = Linker(look_up)
    links = (ObjectLink(REQUISITION, "fulfils", "flow"), ObjectLink(SUPPLIER, "supplied_by", "reference"))
    first = exchange(1, object=ORDER, links=links, executed="yes")
    assert linked(linker, first) == [(9, "fulfils", "first")]
    assert linked(linker, exchange(2, object=ORDER, executed="yes")) == [(1, "same", "first")]
    assert linked(linker, exchange(3, object=ORDER)) == [(1, "same", "first"), (2, "same", "last")]
    receipt = exchange(4, object=ObjectRef("receipt", "north", "G"), links=(ObjectLink(ORDER, "receives", "flow"),))
    assert linked(linker, receipt) == [(1, "receives", "first"), (2, "receives", "last")]
    assert asked == [(ORDER, REQUISITION), (receipt.object,)]  # what is known is not asked for again


def test_what_changes_nothing_is_not_the_last():
    """Reads, refusals and replays are linked, and nobody links to them."""
    linker = Linker(lambda objects: {})
    linked(linker, exchange(1, object=ORDER, executed="yes"))
    for number, more in enumerate(({}, {"executed": "unknown"}, {"executed": "yes", "is_replay": True}), 2):
        assert linked(linker, exchange(number, object=ORDER, **more)) == [(1, "same", "last")]


def test_what_is_remembered_is_bounded():
    """The objects least lately changed are forgotten first; the store still knows their first exchange."""
    linker = Linker(lambda objects: {}, capacity=2)
    refs = [ObjectRef("order", "north", f"PO-{number}") for number in range(3)]
    for number, ref in enumerate(refs):
        linked(linker, exchange(number + 1, object=ref, executed="yes"))
    assert linked(linker, exchange(8, object=refs[0])) == []
    assert linked(linker, exchange(9, object=refs[1])) == [(2, "same", "last")]
