"""The API's documentation page: open to everybody, complete by itself."""

from __future__ import annotations

import re

import pytest

from controlplane.documentation.page import ASSETS
from tests.controlplane.conftest import Api, is_problem


@pytest.mark.parametrize("path", ["/docs", "/docs/", "/docs/start.js", "/docs/swagger-ui.css", "/docs/LICENSE.txt"])
def test_the_page_and_its_files_need_no_credential(api: Api, path: str) -> None:
    """Each says that nothing may be loaded from elsewhere."""
    answer = api.client.get(path)
    assert answer.status_code == 200
    assert "default-src 'none'; script-src 'self'" in answer.headers["content-security-policy"]


def test_every_file_that_the_page_names_is_there(api: Api) -> None:
    page = api.client.get("/docs").text
    named = re.findall(r'(?:src|href)="(/[^"]+)"', page)
    assert {"/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css", "/docs/start.js"} <= set(named)
    assert {name: api.client.get(name).status_code for name in named} == dict.fromkeys(named, 200)


def test_files_of_ours_name_no_other_host() -> None:
    """Of those that ship with the distribution only the vendor's own mention addresses, as text."""
    for name in ("index.html", "start.js"):
        assert re.findall(r"(?:https?:)?//\w", (ASSETS / name).read_text()) == []


def test_nothing_else_is_served_there(api: Api) -> None:
    for path in ("/docs/nothing", "/docs/../app.py", "/docs/%2e%2e/app.py"):
        assert is_problem(api.client.get(path), 404, "route-unknown")
