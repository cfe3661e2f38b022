"""`waybill contract can-i-publish`, after a run that `waybill contract test` recorded."""

from __future__ import annotations

import json
import sys

import pytest

from controlplane.cli import program
from tests.controlplane.conformance.conftest import System, listening, written
from tests.controlplane.readiness.test_readiness import colour, drafted, light
from tests.controlplane.workspace import workspace

NEXT = "logistics.parcels@1.1.0"


@pytest.fixture
def waybill(server, tmp_path, monkeypatch, capsys):
    """A command in this process: exit status, standard output, standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WAYBILL_URL", server[0].url)
    monkeypatch.setenv("WAYBILL_TOKEN", server[1])
    written(tmp_path / "now", workspace())
    written(tmp_path / "fit", drafted("1.1.0", colour))
    written(tmp_path / "unfit", drafted("1.1.0", light))

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["waybill", *words])
        with pytest.raises(SystemExit) as ended:
            program.run()
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    return run


def test_a_draft_is_tested_recorded_and_answered_for(waybill) -> None:
    """Yes with what is only to be known, no with each reason and its remedy; all forms."""
    assert waybill("apply", "now")[0] == 0
    status, out, _ = waybill("contract", "can-i-publish", NEXT, "--workspace", "fit")
    assert status == 0 and "· no run against a system is recorded [not-tested]" in out
    assert f"{NEXT}: yes" in out and "a minor release after 1.0.0; its changes need minor" in out

    with listening(System(lambda *_: (200, {"id": "p 1"}, {}))) as url:
        words = ("contract", "test", NEXT, "--workspace", "fit", "--target", url, "--record")
        status, _, err = waybill(*words)
    assert status == 0 and f"recorded for {NEXT}" in err
    status, out, _ = waybill("contract", "can-i-publish", NEXT, "--workspace", "fit")
    assert status == 0 and "[not-tested]" not in out and f"{url} conformed" in out

    status, out, _ = waybill("contract", "can-i-publish", NEXT, "--workspace", "unfit", "--format", "json")
    told = json.loads(out)
    assert (status, told["can_publish"]) == (1, False)
    assert {"under-bump", "not-tested"} <= {each["rule"] for each in told["grounds"]}  # the run was of another document
    for form in ("text", "junit", "sarif", "markdown"):
        status, out, _ = waybill("contract", "can-i-publish", NEXT, "--workspace", "unfit", "--format", form)
        assert status == 1 and "under-bump" in out and "not-tested" in out


@pytest.mark.parametrize(
    ("name", "said"), [("logistics.parcels", "NAME@VERSION"), ("logistics.parcels@7.0.0", "1.0.0")]
)
def test_what_is_not_there_is_bad_input(waybill, name, said) -> None:
    status, out, err = waybill("contract", "can-i-publish", name, "--workspace", "now")
    assert status == 2 and out == "" and said in err
