"""A certificate authority of one's own, for tests of TLS."""

from __future__ import annotations

import datetime
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Authority:
    """Issues certificates below `folder`; `file` is its own."""

    def __init__(self, folder: Path, name: str = "Test CA") -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        constraints = x509.BasicConstraints(ca=True, path_length=None)
        self._certificate = self._sign(self._name, self._key, x509.Extension(constraints.oid, True, constraints))
        self.file = str(folder / f"{name.replace(' ', '-')}.pem")
        Path(self.file).write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, host: str, subject: str = "", uri: str = "", days: float = 1.0, file: str = "") -> tuple[str, str]:
        """(certificate file, key file) for `host`, a name or an address, under `subject` (RFC 4514)."""
        key = ec.generate_private_key(ec.SECP256R1())
        name: x509.GeneralName = x509.DNSName(host)
        if host.replace(".", "").isdigit():
            name = x509.IPAddress(ipaddress.ip_address(host))
        named = x509.Name.from_rfc4514_string(subject or f"CN={host}")
        alternative = x509.SubjectAlternativeName([name, *([x509.UniformResourceIdentifier(uri)] if uri else [])])
        certificate = self._sign(named, key, x509.Extension(alternative.oid, False, alternative), days)
        files = (self._folder / f"{file or host}.pem", self._folder / f"{file or host}.key")
        files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        files[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return str(files[0]), str(files[1])

    def _sign(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        extension: x509.Extension[x509.ExtensionType],
        days: float = 1.0,
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=2))
            .not_valid_after(now + datetime.timedelta(days=days))
            .add_extension(extension.value, extension.critical)
            .sign(self._key, hashes.SHA256())
        )
