"""`waybill contract test`: against the simulated procurement system, and in every form."""

from __future__ import annotations

import json
import sys

import httpx
import pytest

from controlplane.cli import program
from tests.controlplane.conformance.conftest import SECRET, System, files, good, listening, procurement, written

__all__ = ["procurement"]
OWN = "--header", "Authorization: Bearer $SYSTEM_TOKEN"
DRIFT = {"drift": {"pointer": "/totals/gross/amount", "gained": "vendor_flag"}}


@pytest.fixture
def waybill(tmp_path, monkeypatch, capsys):
    """A command in this process: exit status, standard output, standard error."""
    written(tmp_path / "shop", files())
    written(tmp_path / "network", {"waybill.yaml": "workspace: network\ninclude: [procure-to-pay]\n"})
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SYSTEM_TOKEN", SECRET)
    for name in ("WAYBILL_URL", "WAYBILL_TOKEN"):
        monkeypatch.delenv(name, raising=False)

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["waybill", "contract", "test", *words])
        with pytest.raises(SystemExit) as ended:
            program.run()
        told = capsys.readouterr()
        assert SECRET not in told.out + told.err
        return int(ended.value.code or 0), told.out, told.err

    return run


def test_the_simulated_system_conforms_until_its_vendor_ships_a_drift(waybill, procurement) -> None:
    """The drift that the network is tried with: an amount becomes a number."""
    words = ("procurement.purchase-orders", "--workspace", "network", "--target", procurement, *OWN)
    words = (*words, "--parameter", "legal_entity=0", "--cases", "4", "--format", "json")
    status, out, _ = waybill(*words, "--include", "purchaseOrders.create")
    told = json.loads(out)
    assert (status, told["conforms"], told["contract"]) == (0, True, "procurement.purchase-orders@1.0.0")
    answered = {each["operation"]: each["statuses"] for each in told["operations"]}
    assert answered["purchaseOrders.create"].get("201") and answered["purchaseOrders.list"].get("200")

    httpx.post(f"{procurement}/-/control", json=DRIFT, trust_env=False)
    status, out, _ = waybill(*words)
    told = json.loads(out)
    assert (status, told["conforms"]) == (1, False)
    found = {(each["operation"], each["rule"], each["pointer"]) for each in told["findings"]}
    assert ("purchaseOrders.get", "response-schema", "/totals/gross/amount") in found
    assert all("Authorization: …" in each["request"] for each in told["findings"])


@pytest.mark.parametrize("form", ["text", "json", "junit", "sarif", "markdown"])
def test_every_form_tells_what_was_found_and_what_was_left_out(waybill, form) -> None:
    def broken(method, path, query, body):
        return (
            (200, {"items": [{"id": "o-17", "total": 4711.08}]}, {})
            if path == "/orders"
            else good(method, path, query, body)
        )

    with listening(System(broken)) as url:
        status, out, err = waybill("shop.orders", "--workspace", "shop", "--target", url, *OWN, "--format", form)
    assert status == 1 and err == ""
    assert "response-schema" in out and "/items/0/total" in out and "4711" not in out
    assert "orders.delete" in out and "not exercised" in out.replace("was not", "not")


def test_a_header_may_stand_in_a_file(waybill, tmp_path) -> None:
    (tmp_path / "key").write_text(f"{SECRET}\n")
    system = System(good)
    with listening(system) as url:
        status, _, _ = waybill("shop.orders@1.0.0", "--workspace", "shop", "--target", url, "--header", "X-Key: @key")
    assert status == 0 and {sent[b"x-key"] for sent in system.headers} == {SECRET.encode()}


BAD = [
    (("shop.nothing", "--target", "http://127.0.0.1:9"), "shop.orders"),
    (("shop.orders@9.0.0", "--target", "http://127.0.0.1:9"), "shop.orders@1.0.0"),
    (("shop.orders", "--target", "ftp://x"), "--target"),
    (("shop.orders", "--target", f"http://me:{SECRET}@127.0.0.1:9"), "--header"),
    (("shop.orders", "--target", "http://127.0.0.1:9", "--header", "Authorization"), "Name: value"),
    (("shop.orders", "--target", "http://127.0.0.1:9", "--header", "A: $NOT_THERE"), "NOT_THERE"),
    (("shop.orders", "--target", "http://127.0.0.1:9", "--header", "A: @nowhere"), "nowhere"),
    (("shop.orders", "--target", "http://127.0.0.1:9", "--parameter", "x"), "name=value"),
    (("shop.orders", "--target", "http://127.0.0.1:9", "--include", "orders.erase"), "orders.create"),
    (("shop.orders", "--target", "http://127.0.0.1:9", "--parameter", "limti=3"), "its parameters are id, limit"),
    (("shop.orders", "--target", "http://127.0.0.1:9", "--timeout", "0s"), "--timeout"),
    (("shop.orders", "--target", "http://127.0.0.1:9", "--record"), "no control plane is known"),
    (("shop.orders", "--target", "http://127.0.0.1:9"), "cannot be reached"),
]


@pytest.mark.parametrize(("words", "said"), BAD, ids=lambda value: value if isinstance(value, str) else "")
def test_bad_input_is_told_in_one_message(waybill, words, said) -> None:
    status, out, err = waybill(*words, "--workspace", "shop")
    assert status == 2 and out == "" and said in err and "Traceback" not in err
