"""Tryton's master data, made over JSON-RPC: company, chart of accounts, fiscal year, supplier, product, REST key."""

from __future__ import annotations

import datetime
from typing import Any


def create_master_data(call: Any) -> dict[str, int | str]:
    """Ids of what a purchase needs, and the REST key."""
    year = datetime.datetime.now(datetime.UTC).year
    currency = _currency(call, year)
    company = _company(call, currency)
    accounts = _chart(call, company)
    _fiscal_year(call, company, year)
    term = _create(call, "account.invoice.payment_term", name="30 days", lines=_lines(_remainder(30)))
    supplier = _supplier(call, term)
    product, unit = _product(call, accounts)
    key = _create(call, "res.user.application", user=_admin(call), application="rest")
    address = _search(call, "party.address", [["party", "=", supplier]])
    return {
        "company": company,
        "currency": currency,
        "term": term,
        "supplier": supplier,
        "address": address,
        "product": product,
        "unit": unit,
        "key": call("model.res.user.application.read", [key], ["key"])[0]["key"],
    }


def _create(call: Any, model: str, **values: Any) -> int:
    return int(call(f"model.{model}.create", [values])[0])


def _search(call: Any, model: str, domain: list[Any]) -> int:
    return int(call(f"model.{model}.search", domain, 0, 1, None)[0])


def _lines(*values: dict[str, Any]) -> list[Any]:
    return [["create", list(values)]]


def _decimal(text: str) -> dict[str, str]:
    return {"__class__": "Decimal", "decimal": text}


def _date(year: int, month: int, day: int) -> dict[str, Any]:
    return {"__class__": "date", "year": year, "month": month, "day": day}


def _remainder(days: int) -> dict[str, Any]:
    return {"type": "remainder", "relativedeltas": _lines({"days": days})}


def _admin(call: Any) -> int:
    return _search(call, "res.user", [["login", "=", "admin"]])


def _currency(call: Any, year: int) -> int:
    rate = _lines({"date": _date(year, 1, 1), "rate": _decimal("1")})
    values = {"name": "US Dollar", "code": "USD", "numeric_code": "840", "symbol": "$", "digits": 2}
    return _create(call, "currency.currency", **values, rounding=_decimal("0.01"), rates=rate)


def _company(call: Any, currency: int) -> int:
    company = _create(
        call, "company.company", party=_create(call, "party.party", name="Mercy Health"), currency=currency
    )
    call("model.res.user.write", [_admin(call)], {"companies": [["add", [company]]], "company": company})
    call.context["company"] = company
    return company


def _chart(call: Any, company: int) -> dict[str, int]:
    """Create the chart of accounts with Tryton's own wizard and set the default accounts."""
    template = _search(call, "account.account.template", [["parent", "=", None]])
    session, _start, _end = call("wizard.account.create_chart.create")
    data: dict[str, Any] = {}
    for state in ("account", "create_account"):
        if state == "create_account":
            data["account"] = {"company": company, "account_template": template}
        call("wizard.account.create_chart.execute", session, data, state)
    call("wizard.account.create_chart.delete", session)
    accounts = {
        "receivable": _search(call, "account.account", [["type.receivable", "=", True], ["party_required", "=", True]]),
        "payable": _search(call, "account.account", [["type.payable", "=", True], ["party_required", "=", True]]),
        "expense": _search(call, "account.account", [["type.expense", "=", True]]),
        "revenue": _search(call, "account.account", [["type.revenue", "=", True]]),
    }
    defaults = {
        "default_account_receivable": accounts["receivable"],
        "default_account_payable": accounts["payable"],
        "default_category_account_expense": accounts["expense"],
        "default_category_account_revenue": accounts["revenue"],
    }
    found = call("model.account.configuration.search", [], 0, 1, None)
    configuration = found or call("model.account.configuration.create", [{}])
    call("model.account.configuration.write", configuration, defaults)
    return accounts


def _sequence(call: Any, name: str, company: int) -> int:
    kind = _search(call, "ir.sequence.type", [["name", "=", name]])
    return _create(call, "ir.sequence.strict", name=name, sequence_type=kind, company=company)


def _fiscal_year(call: Any, company: int, year: int) -> None:
    invoices = _sequence(call, "Invoice", company)
    names = ("in_invoice", "in_credit_note", "out_invoice", "out_credit_note")
    sequences = {f"{name}_sequence": invoices for name in names}
    fiscal_year = _create(
        call,
        "account.fiscalyear",
        name=str(year),
        start_date=_date(year, 1, 1),
        end_date=_date(year, 12, 31),
        company=company,
        move_sequence=_sequence(call, "Account Move", company),
        invoice_sequences=_lines({"company": company, **sequences}),
    )
    call("model.account.fiscalyear.create_period", [fiscal_year])


def _supplier(call: Any, term: int) -> int:
    address = _lines({"street_unstructured": "1 Dock Road", "city": "Springfield"})
    return _create(call, "party.party", name="Cardinal Supplies", addresses=address, supplier_payment_term=term)


def _product(call: Any, accounts: dict[str, int]) -> tuple[int, int]:
    unit = _search(call, "product.uom", [["symbol", "=", "u"]])
    category = _create(
        call,
        "product.category",
        name="Supplies",
        accounting=True,
        account_expense=accounts["expense"],
        account_revenue=accounts["revenue"],
    )
    template = _create(
        call,
        "product.template",
        name="Nitrile gloves, box",
        type="goods",
        purchasable=True,
        default_uom=unit,
        purchase_uom=unit,
        account_category=category,
        list_price=_decimal("10"),
        products=_lines({}),
    )
    return _search(call, "product.product", [["template", "=", template]]), unit
