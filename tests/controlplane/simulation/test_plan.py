"""The plan: fixed by the seed, of about the size asked for, with everything a hospital network goes through."""

from decimal import Decimal

import pytest

from controlplane.simulation.plan import SETUP_CALLS, make_plan, planned_calls
from controlplane.simulation.transaction import (
    MISTAKES,
    BankChange,
    Close,
    Expense,
    Order,
    Slip,
    Withdrawal,
    payment_of,
)


def kinds(plan, kind):
    return [each for each in plan.transactions if isinstance(each, kind)]


def test_the_seed_fixes_plan_and_faults():
    """The same seed gives the same plan to the last byte; another seed or segment gives another."""
    first, again = make_plan(7, 60, 50), make_plan(7, 60, 50)
    assert first == again
    assert (first.sha256, first.faults_sha256) == (again.sha256, again.faults_sha256)
    others = {make_plan(8, 60, 50).sha256, make_plan(7, 60, 50, segment=1).sha256}
    assert first.sha256 not in others
    assert len(others) == 2


def test_the_known_plan_of_seed_7():
    """A change of the generator shows here, so that reports stay comparable between versions."""
    assert make_plan(7, 60, 50).sha256[:16] == "150671ff012803da"
    assert make_plan(7, 60, 50).faults_sha256[:16] == "f689af44540cb530"


@pytest.mark.parametrize(("duration_s", "rate_per_s"), [(10, 20), (60, 50)])
def test_clients_make_about_as_many_calls_as_asked_for(duration_s, rate_per_s):
    """Within one transaction of rate times duration, onboarding included."""
    plan = make_plan(1, duration_s, rate_per_s)
    calls = SETUP_CALLS + sum(planned_calls(each) for each in plan.transactions)
    assert duration_s * rate_per_s <= calls < duration_s * rate_per_s + 20


def test_most_invoices_have_no_order_and_everything_happens():
    """Non-PO is the main path; partial receipts, variances, duplicates and every mistake occur in a minute."""
    plan = make_plan(7, 60, 50)
    orders, expenses = kinds(plan, Order), kinds(plan, Expense)
    assert len(expenses) > len(orders) > 0
    assert {"none", "price", "quantity"} == {order.bill.variance for order in orders}
    assert {1, 2} == {len(order.deliveries) for order in orders}
    assert any(each.bill.duplicate for each in [*orders, *expenses])
    assert set(MISTAKES) >= {slip.mistake for slip in kinds(plan, Slip)}
    entities = {"mercy-health", "sankt-marien", "riverbend-clinics"}
    assert entities == {each.entity for each in plan.transactions}
    assert kinds(plan, Withdrawal) and kinds(plan, BankChange)
    assert entities == {close.entity for close in kinds(plan, Close)}


def test_month_end_is_a_peak():
    """Transactions start twice as densely while the books close, and each legal entity closes once."""
    plan = make_plan(7, 60, 50)
    span_s = 60 * 5 / 6
    peak = [each for each in plan.transactions if 0.5 * span_s <= each.start_s < 0.7 * span_s]
    other = len(plan.transactions) - len(peak)
    assert len(peak) / 0.2 > 1.8 * (other / 0.8)
    assert all(close in peak for close in kinds(plan, Close))


def test_partial_deliveries_add_up_to_the_order():
    """Whole units, nothing empty, nothing over."""
    for order in kinds(make_plan(3, 60, 50), Order):
        received = [sum(parts) for parts in zip(*(each.quantities for each in order.deliveries), strict=True)]
        assert received == [line.quantity for line in order.lines]
        assert all(quantity > 0 for each in order.deliveries for quantity in each.quantities)
        assert all(Decimal(line.price) > 0 for line in order.lines)


def test_ids_are_unique_over_segments():
    """A demo without an end never meets an id again."""
    ids = [each.id for segment in range(3) for each in make_plan(7, 30, 30, segment).transactions]
    assert len(ids) == len(set(ids))


def test_the_fault_schedule_lies_within_the_run_and_names_what_is_lost():
    """Every kind of fault once; lost receipts are marked where they are made."""
    plan = make_plan(7, 60, 50)
    assert len({fault.kind for fault in plan.faults}) == len(plan.faults) == 8
    assert all(0 <= fault.start_s < 60 for fault in plan.faults)
    lost = {name for fault in plan.faults if fault.kind == "lost_receipts" for name in fault.objects}
    assert lost
    late = {name for fault in plan.faults if fault.kind == "late_payment" for name in fault.objects}
    assert late and late <= {payment_of(each.bill.id) for each in kinds(plan, Expense)}
    assert lost == {one.id for order in kinds(plan, Order) for one in order.deliveries if one.is_lost}
