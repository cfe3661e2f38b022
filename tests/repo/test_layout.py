"""The repository's shape: the packages that may exist, what a wheel holds, paths and commands the documents name."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
PACKAGES = {"catalog", "controlplane", "dashboards", "gateway", "policies", "tests"}
FILES = {"pyproject.toml", "README.md", "ARCHITECTURE.md", "CHANGELOG.md", "LICENSE", "Makefile", "requirements.lock"}


def tracked() -> list[str]:
    result = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return result.stdout.splitlines()


def test_the_top_level_holds_the_agreed_packages_and_no_other():
    """import-linter passes over a top-level package it does not know, so the list is held here."""
    folders = {path.split("/", 1)[0] for path in tracked() if path.endswith(".py") and "/" in path}
    assert folders == PACKAGES


def test_the_agreed_files_exist():
    assert {name for name in FILES if not (REPOSITORY / name).is_file()} == set()


def test_every_test_folder_is_a_package():
    """Without `__init__.py` a folder like tests/gateway would shadow the package of the same name."""
    folders = {Path(path).parent for path in tracked() if path.startswith("tests/") and path.endswith(".py")}
    missing = [str(folder) for folder in folders if not (REPOSITORY / folder / "__init__.py").is_file()]
    assert missing == []


def test_lock_has_hashes_and_no_address():
    lock = (REPOSITORY / "requirements.lock").read_text()
    assert "--hash=sha256:" in lock
    assert re.findall(r"https?://|--index-url|--find-links", lock) == []


def test_wheel_holds_the_packages_and_the_library_but_no_tests(tmp_path):
    """A gateway host installs the wheel: the built-in contracts travel in it, the tests do not."""
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(REPOSITORY)]
    built = subprocess.run(command, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr[-2000:]
    names = zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist()
    assert {name.split("/", 1)[0] for name in names if not name.split("/")[0].endswith(".dist-info")} == PACKAGES - {
        "tests"
    }
    assert "catalog/library/contracts/finance/receipts/contract.yaml" in names
    assert "catalog/library/schemas/supplier/1.0.0.json" in names
    assert "policies/bundles/default.yaml" in names
    assert "controlplane/documentation/asset/swagger-ui-bundle.js" in names
    assert any(name.startswith("controlplane/store/migration/") for name in names)


def test_a_gateway_host_needs_no_streamlit():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert not any("streamlit" in need for need in project["dependencies"])
    assert {"dashboards", "cel", "bench"} <= set(project["optional-dependencies"])


@pytest.mark.parametrize("document", ["ARCHITECTURE.md", "README.md", "CHANGELOG.md"])
def test_paths_named_in_documents_exist(document):
    """A path in back quotes that looks like one of ours must be there."""
    text = (REPOSITORY / document).read_text()
    tops = "|".join(sorted(PACKAGES))
    named = {match.rstrip("/") for match in re.findall(rf"`((?:{tops})/[\w./-]*)`", text)}
    assert named or document == "CHANGELOG.md", "the document names no path at all"
    assert sorted(name for name in named if not (REPOSITORY / name).exists()) == []


def test_what_the_readme_links_to_and_shows_exists():
    """Pictures stay small enough to lie in the repository; each is one that `make pictures` takes."""
    text = (REPOSITORY / "README.md").read_text()
    linked = {target for target in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in target}
    shown = set(re.findall(r'src="([^"]+)"', text)) | {target for target in linked if target.endswith(".png")}
    script = (REPOSITORY / "tests/e2e/picture.py").read_text()
    taken = {f"dashboards/picture/{name}.png" for name in re.findall(r'Picture\("([\w-]+)"', script)}
    assert shown == taken
    assert sorted(name for name in linked | shown if not (REPOSITORY / name).is_file()) == []
    assert [name for name in shown if (REPOSITORY / name).stat().st_size > 250_000] == []


def test_make_targets_named_in_the_readme_exist():
    targets = set(re.findall(r"^([a-z]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"`?make ([a-z]+)", (REPOSITORY / "README.md").read_text()))
    assert {"demo", "test"} <= named
    assert named <= targets


def test_waybill_commands_named_in_the_readme_exist():
    """Every `waybill …` line of the README names a command that the tool knows."""
    text = (REPOSITORY / "README.md").read_text()
    commands = set(re.findall(r"^\s*(?:\$ )?(?:\.venv/bin/)?waybill ([a-z]+)(?: ([a-z]+))?", text, re.MULTILINE))
    assert commands
    waybill = Path(sys.executable).parent / "waybill"
    for group, command in sorted(commands):
        shown = subprocess.run([waybill, group, "--help"], capture_output=True, text=True)
        assert shown.returncode == 0, f"waybill {group}: {shown.stderr}"
        if command and "COMMAND [ARGS]" in shown.stdout:
            assert re.search(rf"\b{command}\b", shown.stdout), f"waybill {group} {command}"
