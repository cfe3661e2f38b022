"""Search, comparisons, impact, proposals and deprecation over a fake client: what is asked and what a reader sees."""

from __future__ import annotations

import pytest

from dashboards.client import _detail
from dashboards.view import contract, reach
from tests.dashboards.fake import COMPARISON, CONTRACT, DEPRECATION, IMPACT, PROPOSAL, USERS, WHO, FakeClient
from tests.dashboards.test_page import links, open_page, shown

ARCHITECT = {**WHO, "permissions": ["read", "publish"], "sees": None}
DEPRECATE = "/contracts/payables.invoices/1.1.0/deprecation"


def buttons(test) -> dict:
    return {button.label: button for button in test.button}


def test_words_are_found_in_everything_and_name_the_contracts_they_concern():
    client = FakeClient()
    test = open_page("catalog", client, find="supplier tax id")
    assert ("/catalog/search", {"q": "supplier tax id", "limit": 60}) in client.asked
    text = shown(test).replace("\\", "")
    assert "canonical schema supplier 1.0.0 · carried by payables.invoices, procurement.suppliers" in text
    queries = [query for _, query in links(test)]
    assert "schema=supplier&version=1.0.0" in queries
    assert "contract=procurement.suppliers" in queries
    nothing = FakeClient(**{"/catalog/search": {"total": 0, "items": []}})
    assert "Nothing has all of these words" in shown(open_page("catalog", nothing, find="x"))


def test_two_versions_are_told_in_words_with_proof_and_both_sides():
    """Texts of documents and witnesses are never markup; the versions come from the address."""
    client = FakeClient()
    test = open_page("catalog", client, contract="payables.invoices", view="compare")
    asked = {"old": "1.0.0", "new": "1.1.0", "limit": 25}
    assert ("/contracts/payables.invoices/comparison", asked) in client.asked
    text = shown(test)
    for expected in (
        "Breaks those who use the old version",
        "ask for a major version at least; by its number it is a minor one. 2 changes: 1 breaks, 1 adds or relaxes.",
        "PUT /invoices/{id} · in what is sent · body › application/json › no › maxLength",
        "Longer texts are refused.",
        "&quot;&lt;script&gt;&quot;</code>: 1.0.0 takes it, 1.1.0 refuses it.",
        '<span class="wb-gone">  &quot;maxLength&quot;: 10</span>',
        '<span class="wb-new">  &quot;maxLength&quot;: 5</span>',
        "<b>1.0.0: not there</b>",
    ):
        assert expected in text, expected
    turned = open_page("catalog", client, contract="payables.invoices", view="compare", old="1.1.0", new="1.0.0")
    assert ("/contracts/payables.invoices/comparison", {"old": "1.1.0", "new": "1.0.0", "limit": 25}) in client.asked
    assert [box.value for box in turned.selectbox] == ["1.1.0", "1.0.0"]


def test_many_changes_have_pages():
    client = FakeClient(**{"/contracts/payables.invoices/comparison": {**COMPARISON, "total": 60}})
    open_page("catalog", client, contract="payables.invoices", view="compare", changes="3")
    asked = {"old": "1.0.0", "new": "1.1.0", "limit": 25, "offset": 50}
    assert ("/contracts/payables.invoices/comparison", asked) in client.asked


def test_one_version_has_nothing_to_be_compared_with():
    only = {**CONTRACT, "versions": CONTRACT["versions"][1:]}
    client = FakeClient(**{"/contracts/payables.invoices": only})
    assert "one version only" in shown(open_page("catalog", client, contract="payables.invoices", view="compare"))


def test_an_impact_is_drawn_and_told_as_a_table():
    test = open_page("catalog", FakeClient(), schema="supplier", view="impact")
    text = shown(test)
    assert "1 would break by taking supplier@1.0.0 over; 1 consumer called those in the last 30 days" in text
    for expected in ("intake (1,200)", "major: 2.0.0", "in what is answered", "more values"):
        assert expected in text
    drawn = reach.graph(IMPACT, "light", is_whole=True)
    assert '"payables.invoices@1.1.0" -> "payables.invoices@1.1.0 invoices.change response";' in drawn
    assert drawn.count("#c0392b") == 2
    assert "invoices.change" not in reach.graph(IMPACT, "dark", is_whole=False)


def test_a_proposal_shows_numbers_reasons_and_reach_and_leads_to_comparisons():
    test = open_page("approvals", FakeClient(), proposal="p1")
    text = shown(test)
    waived = "note: a pattern was added (waived: nobody sends &lt;i&gt; (ann, until 2027-01-31))"
    added = "total &lt;b&gt;: a required property was added"
    for expected in ("payables.invoices@2.0.0", added, waived, "supplier@1.1.0"):
        assert expected in text
    assert '<span class="wb-pill wb-is-watch">major</span>' in text
    assert '<td class="wb-whole" data-label="New version">payables.invoices@2.0.0</td>' in text
    queries = [query for _, query in links(test)]
    assert "proposal=p1&proposed=contract&of=payables.invoices%402.0.0" in queries
    assert "proposal=p1&proposed=impact&of=supplier%401.1.0" in queries


def test_an_approver_sees_whom_a_release_touches_and_what_was_tested():
    test = open_page("approvals", FakeClient(), proposal="p1")
    assert "of the last 30 days" not in shown(test)  # it costs a comparison: who wants to know asks
    test.toggle(key="ready-p1-payables.invoices@2.0.0").set_value(True).run()
    text = shown(test)
    assert "1 of 3 consumers of the last 30 days touched by what breaks." in text
    assert "the last run exercised 1 of 3 operations" in text and "not told here" not in text
    for expected in ("intake", "team &lt;b&gt;", "invoices.create", "1,200", "body:/total"):
        assert expected in text


@pytest.mark.parametrize(
    ("proposed", "of", "path", "asked"),
    [
        ("contract", "payables.invoices@2.0.0", "comparison",
         {"kind": "contract", "name": "payables.invoices@2.0.0", "limit": 25}),
        ("impact", "supplier@1.1.0", "impact", {"schema": "supplier@1.1.0"}),
    ],
)  # fmt: skip
def test_parts_of_a_proposal_have_an_address(proposed: str, of: str, path: str, asked: dict):
    client = FakeClient()
    test = open_page("catalog", client, proposal="p1", proposed=proposed, of=of)
    assert (f"/approvals/p1/{path}", asked) in client.asked
    assert "proposal=p1" in [query for _, query in links(test)]


def test_the_comparison_of_a_proposed_schema_leads_to_its_impact():
    test = open_page("catalog", FakeClient(), proposal="p1", proposed="schema", of="supplier@1.1.0")
    found = {query: label for label, query in links(test)}
    assert found["proposal=p1&proposed=impact&of=supplier%401.1.0"] == "What it means to contracts that use it"


def test_a_version_is_deprecated_by_who_may_publish_and_the_outcome_is_shown():
    done = {"proposal": None, "generation": 13, "is_published": True}
    client = FakeClient(**{"/whoami": ARCHITECT, DEPRECATE: done})
    test = open_page("catalog", client, contract="payables.invoices", view="deprecate")
    text = shown(test).replace("\\", "")
    for expected in ("published → deprecated", "leave 90 days or more", "the next apply would take the deprecation"):
        assert expected in text
    buttons(test)["Deprecate it now"].click().run()
    ((path, wanted),) = client.done
    assert (path, wanted["successor"]) == (DEPRECATE, "1.0.0")
    assert "generation 13" in test.success[0].value


def test_a_deprecation_that_needs_approval_is_proposed_and_leads_there():
    plan = {**DEPRECATION["plan"], "needs": PROPOSAL["needs"]}
    answers = {DEPRECATE: {"proposal": "p1", "generation": 12, "is_published": False}, "/whoami": ARCHITECT}
    client = FakeClient(**{**answers, f"{DEPRECATE}/plan": {**DEPRECATION, "plan": plan}})
    test = open_page("catalog", client, contract="payables.invoices", view="deprecate")
    assert "head-of-payables" in shown(test)
    buttons(test)["Propose it"].click().run()
    assert "proposal p1" in test.success[0].value
    assert "proposal=p1" in [query for _, query in links(test)]
    assert list(buttons(test)) == ["Deprecate another version"]
    test.run()
    assert "proposal p1" in test.success[0].value
    buttons(test)["Deprecate another version"].click().run()
    assert "Propose it" in buttons(test)


def test_what_speaks_against_a_deprecation_is_shown_without_a_button():
    refused = [{"message": "9.0.0 does not exist", "remedy": "a version of this contract"}]
    plan = {**DEPRECATION["plan"], "refused": refused}
    client = FakeClient(**{"/whoami": ARCHITECT, f"{DEPRECATE}/plan": {**DEPRECATION, "plan": plan}})
    test = open_page("catalog", client, contract="payables.invoices", view="deprecate")
    assert "9.0.0 does not exist" in test.error[0].value.replace("\\", "")
    assert "Deprecate it now" not in buttons(test)


def test_who_may_not_publish_is_not_offered_to_deprecate():
    client = FakeClient()
    test = open_page("catalog", client, contract="payables.invoices", view="deprecate")
    assert not buttons(test)
    assert all("deprecation" not in path for path, _ in client.asked)


def test_who_still_uses_a_deprecated_version_is_told_with_the_days_left():
    use = {**USERS[0]["uses"][0], "state": "deprecated", "sunset_at": "2027-01-01T00:00:00Z", "successor": "2.0.0"}
    items = [
        {**USERS[0], "uses": [{**use, "days_to_sunset": 9}, {**use, "operation": "x", "days_to_sunset": 9}]},
        {**USERS[1], "uses": [{**use, "days_to_sunset": -1}]},
    ]
    text = contract.leaving(items)
    assert text.index("over since 1 day<") < text.index(">9 days<")
    assert ">2,400<" in text
    assert contract.leaving(USERS) == ""


def test_a_refusal_names_its_first_problems():
    class Answer:
        status_code = 409

        def json(self) -> dict:
            problems = [{"message": f"m{n}"} for n in range(7)]
            return {"detail": "the change is refused", "problems": problems}

    assert _detail(Answer()) == "the change is refused: m0; m1; m2; m3; m4; and 2 more"
