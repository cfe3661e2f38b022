"""An exchange to vary."""

from catalog.record import Exchange

STARTED_US = 1_800_000_000_000_000

EXCHANGE = Exchange(
    exchange_id="e" * 32,
    trace_id="a" * 32,
    span_id="b" * 16,
    started_us=STARTED_US,
    duration_us=5_000,
    upstream_us=0,
    snapshot="7:0123456789ab",
    method="GET",
    status=200,
    executed="no",
    fault="none",
    contract="buying.orders",
    version="1.0.0",
    operation="orders.get",
    route="/buying/v1/orders/{id}",
)
