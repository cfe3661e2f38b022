"""The command line: what it prints, its exit status, and that no error is ever a traceback."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.controlplane.cli.conftest import run_waybill
from tests.controlplane.workspace import OPENAPI, workspace


def write(directory: Path, files: dict[str, str]) -> Path:
    for path, text in files.items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_text(text)
    return directory


def is_readable(result, status: int) -> str:
    """The message of an expected failure: the status, one message on standard error, no traceback."""
    assert result.returncode == status, result.stdout + result.stderr
    assert result.stderr.startswith("waybill: ") and "Traceback" not in result.stderr
    return result.stderr


def test_a_wrong_command_line_is_status_2(tmp_path: Path) -> None:
    for arguments in (
        ["nonsense"],
        ["lint", "--format", "yaml"],
        ["serve"],
        ["up", "--port", "70000"],
        ["up", "--gateway-port", "-1"],
        ["token", "create", "x", "--role", "king"],
    ):
        result = run_waybill(*arguments, cwd=tmp_path)
        assert result.returncode == 2 and "Traceback" not in result.stderr


def test_the_version_is_told_either_way(tmp_path: Path) -> None:
    told = [run_waybill(word, cwd=tmp_path) for word in ("--version", "version")]
    assert [result.returncode for result in told] == [0, 0] and told[0].stdout == told[1].stdout != ""


def test_plan_apply_and_apply_again(waybill, tmp_path: Path) -> None:
    """The plan is what the apply does; a second apply says that there is nothing to do."""
    write(tmp_path / "w", workspace())
    planned = waybill("plan", "w")
    assert planned.returncode == 0, planned.stderr
    assert "+ contract  logistics.parcels@1.0.0" in planned.stdout
    applied = json.loads(waybill("apply", "w", "--format", "json").stdout)
    assert applied["is_published"]
    assert f"{len(applied['plan']['added'])}" == str(planned.stdout.count("+ "))
    again = waybill("apply", "w")
    assert again.returncode == 0 and "nothing to change" in again.stdout
    moved = write(tmp_path / "w", workspace(upstream="http://127.0.0.1:11"))
    assert "~ system    depot" in waybill("plan", str(moved)).stdout
    other = json.loads(json.dumps(OPENAPI))
    other["info"]["title"] = "Other"
    write(tmp_path / "w", {"contracts/logistics/parcels/1.0.0/openapi.json": json.dumps(other)})
    for command in ("plan", "apply"):
        refused = waybill(command, "w")
        assert refused.returncode == 1 and "Traceback" not in refused.stderr
        assert "contracts/logistics/parcels/1.0.0/openapi.json#" in refused.stdout and "→ " in refused.stdout
    as_json = waybill("apply", "w", "--format", "json")
    assert as_json.returncode == 1 and json.loads(as_json.stdout)["refused"][0]["rule"] == "immutable"
    (planned,) = json.loads(waybill("plan", "w", "--format", "json").stdout)["refused"]
    assert (planned["rule"], planned["pointer"]) == ("immutable", "/info/title")


def test_keys_and_tokens(waybill, tmp_path: Path) -> None:
    """Issued once, listed without secrets, revoked."""
    assert waybill("apply", str(write(tmp_path / "w", workspace()))).returncode == 0
    key = waybill("consumer", "key", "issue", "shop").stdout.strip()
    assert key.startswith("wbk_")
    listed = waybill("consumer", "key", "list", "shop", "--format", "json").stdout
    assert key[4:12] in listed and key not in listed
    assert waybill("consumer", "key", "revoke", "shop", key[4:12]).returncode == 0
    assert "no live key" in is_readable(waybill("consumer", "key", "revoke", "shop", key[4:12]), 1)
    token = waybill("token", "create", "reader", "--role", "viewer").stdout.strip()
    assert "needs the permission publish" in is_readable(waybill("apply", "w", WAYBILL_TOKEN=token), 1)
    assert waybill("token", "revoke", token[4:12]).returncode == 0
    assert "revoked" in is_readable(waybill("plan", "w", WAYBILL_TOKEN=token), 1)


def test_a_token_for_an_entity_that_nobody_knows_is_remarked_on(waybill, tmp_path: Path) -> None:
    """A misspelt entity would else be found out by whoever sees nothing; an entity to come may have its token now."""
    assert waybill("apply", str(write(tmp_path / "w", workspace()))).returncode == 0
    wanted = ("token", "create", "cfo", "--role", "executive", "--entity", "main")
    assert waybill(*wanted).stderr == ""
    made = waybill(*wanted, "--entity", "mian")
    assert made.returncode == 0 and made.stdout.startswith("wbt_")
    assert "no legal entity 'mian' is in force" in made.stderr


def test_gateway_commands(waybill) -> None:
    assert waybill("gateway", "token", "north").stdout.startswith("wbe_")
    assert json.loads(waybill("gateway", "list", "--format", "json").stdout) == []
    assert waybill("attention", "list").stdout == "nothing needs a person\n"
    assert "nothing known" in is_readable(waybill("attention", "settle", "a1", "--as", "executed"), 1)


def test_gateway_run_hands_everything_to_the_gateway(tmp_path: Path) -> None:
    """Options, help and exit status are the gateway's own."""
    result = run_waybill("gateway", "run", "--help", cwd=tmp_path)
    assert result.returncode == 0 and "--enrolment-token-file" in result.stdout
    refused = run_waybill("gateway", "run", "--state-dir", "s", "--control-plane", "nonsense", cwd=tmp_path)
    assert refused.returncode in (1, 2) and "Traceback" not in refused.stderr


@pytest.mark.parametrize("url", ["nonsense", "http://[::", "ftp://x", ""])
def test_what_is_no_address_is_status_2(waybill, url: str) -> None:
    is_readable(waybill("gateway", "list", "--url", url), 2)


def test_an_absent_control_plane_is_said_plainly(waybill) -> None:
    assert "cannot reach" in is_readable(waybill("gateway", "list", WAYBILL_URL="http://127.0.0.1:9"), 1)


def test_without_a_connection_the_message_says_how_to_get_one(tmp_path: Path) -> None:
    assert "waybill up" in is_readable(run_waybill("gateway", "list", cwd=tmp_path), 2)


def test_lint_lists_every_problem_with_its_remedy(tmp_path: Path) -> None:
    files = workspace()
    files["systems/depot.yaml"] = "system: depot\nname: Depot\nregion: local\nbase_url: nowhere\n"
    files["policies/rate.yaml"] = "{name: limit, policy: no-such-policy}"
    files["entities/main.yaml"] = "entity: main\nname: [unclosed"
    write(tmp_path / "w", files)
    result = run_waybill("lint", "w", cwd=tmp_path)
    assert result.returncode == 1
    for place in ("systems/depot.yaml#/base_url", "policies/rate.yaml#/policy", "entities/main.yaml#"):
        assert place in result.stdout
    found = json.loads(run_waybill("lint", "w", "--format", "json", cwd=tmp_path).stdout)["problems"]
    assert {problem["file"] for problem in found} >= {"systems/depot.yaml", "policies/rate.yaml", "entities/main.yaml"}
    write(tmp_path / "w", workspace())
    (tmp_path / "w" / "policies" / "rate.yaml").unlink()
    clean = run_waybill("lint", "w", cwd=tmp_path)
    assert clean.returncode == 0 and clean.stdout.endswith("w: no problems\n")
    assert "warning:\n" in clean.stdout and "systems/depot.yaml#" in clean.stdout
    findings = json.loads(run_waybill("lint", "w", "--format", "json", cwd=tmp_path).stdout)["findings"]
    assert {finding["severity"] for finding in findings} == {"warning", "hint"}


def test_bad_files_are_problems_and_not_crashes(tmp_path: Path) -> None:
    """Bytes that are no text, and no workspace at all."""
    root = write(tmp_path / "w", workspace())
    (root / "entities" / "main.yaml").write_bytes(b"\xff\xfe\x00")
    result = run_waybill("lint", "w", cwd=tmp_path)
    assert (result.returncode, result.stderr) == (1, "")
    assert "entities/main.yaml#: not UTF-8 text" in result.stdout
    assert "w: 1 problem" in result.stdout  # what refers to it is not told as well
    is_readable(run_waybill("lint", "nowhere", cwd=tmp_path), 2)
