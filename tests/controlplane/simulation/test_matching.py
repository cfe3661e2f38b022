"""The three-way match with the tolerances that practitioners use."""

import pytest

from controlplane.simulation.system.matching import match


def line(quantity, price, po_line="1"):
    return {
        "line": "1",
        "po_line": po_line,
        "quantity": {"value": quantity, "unit": "EA"},
        "price": {"amount": price, "currency": "USD"},
    }


ORDER = {"lines": [{"line": "1", "quantity": {"value": "10", "unit": "EA"}, "price": {"amount": "1.00"}}]}


def received(*quantities):
    return [{"lines": [{"po_line": "1", "received": {"value": quantity}}]} for quantity in quantities]


def found(lines, receipts, earlier=()):
    return [variance.code for variance in match({"lines": lines}, ORDER, receipts, earlier)]


@pytest.mark.parametrize(("price", "codes"), [("1.00", []), ("1.02", []), ("1.03", ["price_variance"]), ("0.50", [])])
def test_price_may_be_two_percent_over(price, codes):
    """2 % passes, 3 % does not; cheaper always passes."""
    assert found([line("10", price)], received("10")) == codes


def test_the_tighter_of_two_percent_and_fifty_wins():
    """On a dear line, 50.00 is less than 2 %."""
    order = {"lines": [{"line": "1", "quantity": {"value": "1"}, "price": {"amount": "10000.00"}}]}
    receipts = received("1")
    assert match({"lines": [line("1", "10050.00")]}, order, receipts, ()) == ()
    assert [one.code for one in match({"lines": [line("1", "10051.00")]}, order, receipts, ())] == ["price_variance"]


def test_quantity_is_counted_over_all_receipts_and_invoices():
    """Partial receipts add up; what was billed before counts."""
    assert found([line("10", "1.00")], received("4", "6")) == []
    assert found([line("10", "1.00")], received("4")) == ["quantity_variance"]
    assert found([line("6", "1.00")], received("10"), [{"lines": [line("5", "1.00")]}]) == ["quantity_variance"]


def test_a_line_that_nobody_ordered_is_an_exception():
    """However cheap it is."""
    assert found([line("1", "0.01", po_line="9")], received("10")) == ["unknown_line"]
