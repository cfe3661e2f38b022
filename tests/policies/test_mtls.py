"""Client certificates: whom they name, and what becomes of them beside other credentials."""

from __future__ import annotations

import pytest

from catalog.errors import Invalid
from catalog.network import Consumer, ConsumerBlob, MtlsIdentity
from policies.builtin.mtls import Config, Mtls
from policies.certificate import Certificate, name_of, subject_of
from tests.policies.calling import NOW_S, around, request

ERP = Consumer("erp", "ERP", mtls=[MtlsIdentity(subject="CN=erp,O=Lakeside"), MtlsIdentity(san="dns:ERP.example")])
AP = Consumer("ap", "AP", mtls=[MtlsIdentity(san="uri:spiffe://network/ap")])


def policy(*consumers: Consumer):
    return Mtls.compile(Config(), around(consumers={each.consumer: ConsumerBlob(each) for each in consumers}))


def shown(subject="", *names, until_s=NOW_S + 60, **more):
    return request(certificate=Certificate(subject, frozenset(names), until_s), **more)


@pytest.mark.parametrize(
    ("subject", "names", "consumer", "principal"),
    [
        ("CN=erp,O=Lakeside", (), "erp", "mtls:CN=erp,O=Lakeside"),
        ("CN=x", ("dns:erp.example",), "erp", "mtls:CN=x"),
        ("", ("uri:spiffe://network/ap", "dns:a"), "ap", "mtls:dns:a"),
        ("CN=erp,O=Lakeside", ("dns:erp.example",), "erp", "mtls:CN=erp,O=Lakeside"),
    ],
)
def test_a_certificate_names_a_consumer(subject, names, consumer, principal):
    """By its subject or one of its alternative names."""
    identity = policy(ERP, AP).decide(shown(subject, *names), {}).identity
    assert (identity.consumer.consumer, identity.principal) == (consumer, principal)


@pytest.mark.parametrize(
    "subject", ["CN=erp", "O=Lakeside,CN=erp", "CN=erp,O=Lakeside,C=US", "cn=erp,o=lakeside", "CN=erp\\,O=Lakeside"]
)
def test_another_subject_names_nobody(subject):
    """Parts, another order, another case, a comma inside a value: none of it is the same name."""
    decision = policy(ERP).decide(shown(subject), {})
    assert (decision.kind, decision.identity) == ("allow", None)


def test_a_name_of_one_kind_is_not_that_of_another():
    consumer = Consumer("a", "A", mtls=[MtlsIdentity(san="uri:dns:erp.example")])
    assert policy(consumer).decide(shown("", "dns:erp.example"), {}).identity is None


def test_a_certificate_of_two_consumers_is_refused():
    decision = policy(ERP, AP).decide(shown("CN=erp,O=Lakeside", "uri:spiffe://network/ap"), {})
    assert (decision.status, decision.code) == (400, "credential-ambiguous")


def test_a_certificate_that_ran_out_on_its_connection_is_refused():
    """TLS looks at it once; a connection may last."""
    decision = policy(ERP).decide(shown("CN=erp,O=Lakeside", until_s=NOW_S), {})
    assert (decision.status, decision.code) == (401, "unauthenticated")


def test_beside_another_credential_it_must_name_the_same_consumer():
    """The other credential's identity stays, which may be the narrower; one that names nobody changes nothing."""
    checker = policy(ERP, AP)
    same = checker.decide(shown("CN=erp,O=Lakeside", consumer=ERP), {})
    assert (same.kind, same.identity) == ("allow", None)
    other = checker.decide(shown("CN=erp,O=Lakeside", consumer=AP), {})
    assert (other.status, other.code) == (400, "credential-ambiguous")
    nobody = checker.decide(shown("CN=mesh", consumer=AP), {})
    assert (nobody.kind, nobody.identity) == ("allow", None)


def test_only_who_authenticates_so_is_known_so():
    """`auth` without mtls switches it off; without anybody there is no step."""
    assert policy(Consumer("erp", "ERP", mtls=ERP.mtls, auth=["api_key"])) is None
    assert policy(Consumer("ap", "AP")) is None


@pytest.mark.parametrize(
    "identity",
    [
        MtlsIdentity(subject="erp"),
        MtlsIdentity(subject="CN=erp, O=Lakeside"),
        MtlsIdentity(subject=""),
        MtlsIdentity(san="dns:"),
        MtlsIdentity(san="erp.example"),
        MtlsIdentity(san="ip:10.0.0.1"),
        MtlsIdentity(),
    ],
)
def test_an_identity_that_is_none_is_refused_at_load(identity):
    with pytest.raises(Invalid, match="consumer erp: mtls"):
        policy(Consumer("erp", "ERP", mtls=[identity]))


def test_one_identity_of_two_consumers_is_refused_at_load():
    twin = Consumer("twin", "Twin", mtls=[MtlsIdentity(san="dns:erp.EXAMPLE")])
    with pytest.raises(Invalid, match="two consumers"):
        policy(ERP, twin)


def test_names_have_one_form():
    assert subject_of("CN=a\\,b,O=x") == "CN=a\\,b,O=x"
    assert (name_of("dns:A.b"), name_of("uri:spiffe://N/a")) == ("dns:a.b", "uri:spiffe://N/a")
