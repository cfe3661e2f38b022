"""A client's certificate as policies see it: who it names, in the texts that consumers' files use.

Sources: RFC 4514 (distinguished names as text), RFC 5280 §4.2.1.6 (subject alternative names). Whether the certificate
is to be believed was settled by TLS.
"""

from __future__ import annotations

import msgspec
from cryptography import x509


class Certificate(msgspec.Struct, frozen=True):
    subject: str  # RFC 4514; "" when it names none
    names: frozenset[str]  # "dns:<lower case>" and "uri:<as written>"
    until_s: float  # wall clock


def read_certificate(der: bytes) -> Certificate:
    """Raises: ValueError when it cannot be read."""
    try:
        found = x509.load_der_x509_certificate(der)
        until_s = found.not_valid_after_utc.timestamp()
        return Certificate(found.subject.rfc4514_string(), _names(found), until_s)
    except (x509.InvalidVersion, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        raise ValueError(str(error)) from error


def subject_of(text: str) -> str:
    """A distinguished name in the one form that `Certificate.subject` has. Raises: ValueError when it is none."""
    try:
        subject = x509.Name.from_rfc4514_string(text).rfc4514_string()
    except ValueError:
        subject = ""
    if not subject:
        raise ValueError(f"{text!r} is no distinguished name like CN=erp,O=Lakeside (RFC 4514; no blank after a comma)")
    return subject


def name_of(text: str) -> str:
    """A subject alternative name in the form of `Certificate.names`. Raises: ValueError when it is none."""
    kind, _, value = text.partition(":")
    if kind in ("dns", "uri") and value:
        return f"{kind}:{value.lower() if kind == 'dns' else value}"
    raise ValueError(f"{text!r} is neither dns:<name> nor uri:<URI>")


def _names(certificate: x509.Certificate) -> frozenset[str]:
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return frozenset()
    hosts = extension.get_values_for_type(x509.DNSName)
    uris = extension.get_values_for_type(x509.UniformResourceIdentifier)
    return frozenset([*(f"dns:{host.lower()}" for host in hosts), *(f"uri:{uri}" for uri in uris)])
