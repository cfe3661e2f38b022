"""The signed manifest."""

import base64
import json

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import Invalid
from catalog.snapshot import BlobRef, Manifest, SignedManifest, canonical_json, sign_manifest, verify_manifest

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
MANIFEST = Manifest(7, "2026-01-01T00:00:00Z", (BlobRef("entity", "nørd", "00" * 32, 12),))


def test_round_trip():
    """What is signed is read back, also after travelling as JSON."""
    signed = sign_manifest(MANIFEST, KEY)
    travelled = msgspec.json.decode(msgspec.json.encode(signed), type=SignedManifest)
    assert verify_manifest(travelled, KEY.public_key()) == MANIFEST


def test_other_key():
    """A manifest signed by somebody else is refused."""
    with pytest.raises(Invalid):
        verify_manifest(sign_manifest(MANIFEST, Ed25519PrivateKey.generate()), KEY.public_key())


@given(st.integers(0, 10_000), st.characters(exclude_categories=["Cs"]))
def test_any_change_breaks_the_signature(place, character):
    """Not one character of the text can be changed."""
    signed = sign_manifest(MANIFEST, KEY)
    index = place % len(signed.manifest)
    text = signed.manifest[:index] + character + signed.manifest[index + 1 :]
    if text != signed.manifest:
        with pytest.raises(Invalid):
            verify_manifest(SignedManifest(text, signed.signature), KEY.public_key())


@pytest.mark.parametrize("signature", ["", "!", base64.b64encode(bytes(64)).decode(), "AAAA"])
def test_no_signature(signature):
    """What is no signature is refused, not a crash."""
    with pytest.raises(Invalid):
        verify_manifest(SignedManifest(sign_manifest(MANIFEST, KEY).manifest, signature), KEY.public_key())


def test_signed_nonsense():
    """A text that is signed and is no manifest is refused."""
    text = '{"generation": "x"}'
    with pytest.raises(Invalid):
        verify_manifest(SignedManifest(text, base64.b64encode(KEY.sign(text.encode())).decode()), KEY.public_key())


def test_canonical_json():
    """Sorted, compact, UTF-8, and nothing that JSON lacks."""
    assert canonical_json({"b": [1, None], "a": "é"}) == '{"a":"é","b":[1,null]}'.encode()
    assert json.loads(canonical_json({"x": 0.1})) == {"x": 0.1}
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json(float("nan"))
