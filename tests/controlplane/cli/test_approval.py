"""`waybill approval`, scoped tokens and `waybill audit list` as commands against a running control plane."""

from __future__ import annotations

import json
from pathlib import Path

from tests.controlplane.approval.test_approval import files


def write(directory: Path, contents: dict[str, str]) -> Path:
    for name, text in contents.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return directory


def test_a_change_is_proposed_shown_and_approved(waybill, tmp_path: Path) -> None:
    """The architect's apply says that it waits and for whom; the steward sees and approves; all of it is audited."""
    directory = str(write(tmp_path / "w", files()))
    assert waybill("apply", directory).returncode == 0
    arthur = waybill("token", "create", "arthur", "--role", "architect", "--expires", "1d").stdout.strip()
    stella = waybill("token", "create", "stella", "--role", "steward").stdout.strip()
    write(tmp_path / "w", files(title="Other"))
    planned = waybill("plan", directory, WAYBILL_TOKEN=arthur)
    assert planned.returncode == 0 and "would publish" not in planned.stdout
    assert "contract logistics.parcels needs the approval of steward stella" in planned.stdout
    asked = waybill("apply", directory, WAYBILL_TOKEN=arthur)
    assert asked.returncode == 0 and "not published yet" in asked.stdout
    (item,) = json.loads(waybill("approval", "list", "--format", "json", WAYBILL_TOKEN=stella).stdout)
    proposal = item["proposal_id"]
    listed = waybill("approval", "list", WAYBILL_TOKEN=stella).stdout
    assert proposal in listed and "steward stella" in listed and "arthur" in listed

    refused = waybill("approval", "approve", proposal, WAYBILL_TOKEN=arthur)
    assert refused.returncode == 1 and "does not approve it" in refused.stderr and "Traceback" not in refused.stderr
    shown = waybill("approval", "show", proposal, "--files", str(tmp_path / "proposed"), WAYBILL_TOKEN=stella)
    assert "~ contract  logistics.parcels@1.0.0" in shown.stdout and "waits for steward stella" in shown.stdout
    contract = "contracts/logistics/parcels/contract.yaml"
    assert (tmp_path / "proposed" / contract).read_text() == files(title="Other")[contract]
    assert waybill("approval", "show", proposal, "--files", str(tmp_path / "proposed")).returncode == 2

    approved = waybill("approval", "approve", proposal, "--comment", "agreed", WAYBILL_TOKEN=stella)
    assert approved.stdout.startswith("published generation 2")
    assert "approved by stella" in waybill("approval", "show", proposal).stdout
    assert waybill("approval", "list").stdout.strip() == "nothing waits for approval"
    told = waybill("audit", "list", "--what", "proposal.").stdout
    assert "proposal.approved" in told and "proposal.filed" in told and "agreed" in told
    assert json.loads(waybill("audit", "list", "--limit", "1", "--format", "json").stdout)[0]["who"] == "stella"

    write(tmp_path / "w", files(title="Third"))
    waybill("apply", directory, WAYBILL_TOKEN=arthur)
    (item,) = json.loads(waybill("approval", "list", "--format", "json").stdout)
    rejected = waybill("approval", "reject", item["proposal_id"], "--comment", "no", WAYBILL_TOKEN=stella)
    assert rejected.stdout.strip() == "rejected"


def test_a_token_acts_for_entities_and_ends(waybill) -> None:
    """The listing says for whom and until when; what is no length of time is a wrong command line."""
    made = waybill(
        "token", "create", "clinic", "--role", "executive", "--entity", "a", "--entity", "b", "--expires", "12h"
    )
    assert made.returncode == 0, made.stderr
    items = json.loads(waybill("token", "list", "--format", "json").stdout)
    (item,) = [each for each in items if each["name"] == "clinic"]
    assert (item["role"], item["entities"]) == ("executive", ["a", "b"])
    assert 11.9 * 3_600 < (item["expires_us"] - item["created_us"]) / 1_000_000 < 12.1 * 3_600
    refused = waybill("plan", ".", WAYBILL_TOKEN=made.stdout.strip())
    assert refused.returncode in (1, 2) and "Traceback" not in refused.stderr
    assert waybill("token", "create", "x", "--role", "executive", "--expires", "soon").returncode == 2
