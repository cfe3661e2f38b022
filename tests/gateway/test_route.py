"""Routes: the raw path decides, literals come before parameters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.route import Router


@pytest.fixture
def router():
    made: Router[str] = Router()
    for method, template in (
        ("GET", "/a/v1/orders"),
        ("POST", "/a/v1/orders"),
        ("GET", "/a/v1/orders/{id}"),
        ("GET", "/a/v1/orders/latest"),
        ("POST", "/a/v1/orders/{id}/approve"),
        ("GET", "/a/v1/{kind}/latest/x"),
        ("GET", "/a/v1/slash/"),
    ):
        made.add(method, template, f"{method} {template}")
    return made


@pytest.mark.parametrize(
    ("method", "path", "target", "parameters"),
    [
        ("GET", "/a/v1/orders", "GET /a/v1/orders", {}),
        ("HEAD", "/a/v1/orders", "GET /a/v1/orders", {}),
        ("GET", "/a/v1/orders/7", "GET /a/v1/orders/{id}", {"id": "7"}),
        ("GET", "/a/v1/orders/latest", "GET /a/v1/orders/latest", {}),
        ("GET", "/a/v1/orders/latest/x", "GET /a/v1/{kind}/latest/x", {"kind": "orders"}),
        ("POST", "/a/v1/orders/a%20b/approve", "POST /a/v1/orders/{id}/approve", {"id": "a b"}),
        ("GET", "/a/v1/slash/", "GET /a/v1/slash/", {}),
    ],
)
def test_paths_that_lead_somewhere(router, method, path, target, parameters):
    match = router.match(method, path)
    assert (match.target, match.parameters) == (target, parameters)


@pytest.mark.parametrize(
    "path",
    ["/", "", "/a/v1", "/a/v1/orders/", "/a/v1/Orders", "/a/v1/%6frders", "/a/v1/orders/7/approve/", "/a/v1/slash"],
)
def test_paths_that_lead_nowhere(router, path):
    """Case, trailing slashes and escapes are not folded: what is not the template's bytes is another path."""
    assert router.match("GET", path) is None


def test_a_known_path_lists_its_methods(router):
    match = router.match("DELETE", "/a/v1/orders/latest")
    assert (match.target, match.allowed) == (None, ("GET", "HEAD", "OPTIONS"))
    assert router.match("GET", "/a/v1/orders/7/approve").allowed == ("OPTIONS", "POST")


def test_a_route_is_taken_once(router):
    with pytest.raises(ValueError, match="taken"):
        router.add("GET", "/a/v1/orders/{other}", "x")
    with pytest.raises(ValueError, match="template"):
        router.add("GET", "no-slash", "x")


@given(st.text(max_size=40))
def test_any_path_can_be_asked(path):
    made: Router[str] = Router()
    made.add("GET", "/{a}/b/{c}", "x")
    made.match("GET", path)


@pytest.mark.parametrize(
    ("method", "path", "parameters"),
    [
        ("GET", "/files/x.pdf", {"name": "x"}),
        ("GET", "/files/a%20b.pdf", {"name": "a b"}),
        ("GET", "/files/x.y.pdf", {"name": "x.y"}),
        ("GET", "/files/.pdf", None),
        ("GET", "/files/x.txt", None),
        ("POST", "/files/7:cancel", {"id": "7"}),
        ("POST", "/files/x.pdf", None),
        ("GET", "/ranges/1-9", {"from": "1", "to": "9"}),
        ("GET", "/ranges/1-5-9", None),
        ("GET", "/ranges/1%2D5-9", None),
    ],
)
def test_text_beside_parameters_in_a_segment(method, path, parameters):
    """The text must be there; where two parameters meet must be beyond doubt, or the path is unknown."""
    router: Router[str] = Router()
    for verb, template in (
        ("GET", "/files/{name}.pdf"),
        ("POST", "/files/{id}:cancel"),
        ("GET", "/ranges/{from}-{to}"),
    ):
        router.add(verb, template, template)
    match = router.match(method, path)
    assert (match.parameters if match is not None and match.target is not None else None) == parameters
