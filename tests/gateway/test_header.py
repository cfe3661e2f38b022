"""Which request headers get through, and as what."""

from __future__ import annotations

import pytest

from gateway.header import DROPPED, PLAIN, SINGULAR, TRUSTED_ONLY, HeaderNames


@pytest.mark.parametrize(
    "name",
    [
        "X-Auth-User",
        "x-user",
        "X-User-Id",
        "X-Forwarded-For",
        "Forwarded",
        "X-Real-IP",
        "Remote-User",
        "X-Consumer-Id",
        "X-Original-URL",
        "X-Rewrite-Url",
        "X-HTTP-Method-Override",
        "Proxy",
        "X-Client-Cert",
        "X-Remote-User",
    ],
)
def test_identity_headers_are_for_trusted_proxies(name):
    assert HeaderNames().judge(name.encode())[1] == TRUSTED_ONLY


@pytest.mark.parametrize(
    "name",
    [
        "X_Auth_User",
        "X.Auth.User",
        "x-auth_user",
        "X~User",
        "X_API_Key",
        "x.api.key",
        "Idempotency_Key",
        "Content_Length",
        "Waybill_Legal_Entity",
        "Waybill-Exchange",
        "waybill-anything",
        "Upgrade",
        "X_Forwarded_For",
        "Transfer_Encoding",
    ],
)
def test_aliases_and_reserved_names_are_dropped(name):
    assert HeaderNames().judge(name.encode())[1] == DROPPED


@pytest.mark.parametrize("name", ["Accept", "traceparent", "X-Vendor", "Vendor_Ref", "waybill-debug", "X-Used"])
def test_other_headers_pass(name):
    assert (name.lower().encode(), PLAIN) == HeaderNames().judge(name.encode())


@pytest.mark.parametrize("name", SINGULAR)
def test_singular_headers_have_their_bit(name):
    assert (name, SINGULAR[name]) == HeaderNames().judge(name.upper())


def test_identity_headers_are_configurable():
    names = HeaderNames(("x-who", "x-role-*"))
    assert [names.judge(name)[1] for name in (b"X-Who", b"X-Role-Admin", b"X_Role_Admin", b"X-Auth-User")] == [
        TRUSTED_ONLY,
        TRUSTED_ONLY,
        DROPPED,
        PLAIN,
    ]


def test_memory_of_names_is_bounded():
    """However many names are made up, the memory of them does not grow beyond its bound; long ones are not kept."""
    names = HeaderNames()
    for number in range(5000):
        assert names.judge(b"x-%d" % number) == (b"x-%d" % number, PLAIN)
    names.judge(b"x" * 1000)
    assert len(names.known) == 2048
    assert b"x" * 1000 not in names.known
