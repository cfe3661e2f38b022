"""Secrets by name: from a private file, else from the environment; values never show in messages."""

import json

import pytest

from catalog.errors import Invalid
from catalog.network import Credential, System
from gateway.secret import Secrets


def written(path, text, mode=0o600):
    path.write_text(text)
    path.chmod(mode)
    return path


def test_file_before_environment(tmp_path):
    """YAML or JSON; what the file does not hold comes from WAYBILL_SECRET_<NAME>, written as variables can be."""
    environment = {"WAYBILL_SECRET_ERP_EAST": "from environment", "WAYBILL_SECRET_a": "x", "OTHER": "y"}
    for text in ("a: from file", json.dumps({"a": "from file"})):
        secrets = Secrets(written(tmp_path / "secrets", text), environment)
        assert secrets["a"] == "from file"
        assert secrets["erp-east"] == secrets["ERP_EAST"] == "from environment"
        assert secrets.get("b") is None
        assert set(secrets) == {"a", "ERP_EAST"}


def test_reload(tmp_path):
    """What is put into the file later is there after `reload`; a file that went bad leaves what was known."""
    path = written(tmp_path / "secrets", "a: one")
    secrets = Secrets(path, {})
    path.write_text("a: two")
    assert secrets["a"] == "one"
    secrets.reload()
    assert secrets["a"] == "two"
    path.write_text("[]")
    with pytest.raises(Invalid, match="must map names to texts"):
        secrets.reload()
    assert secrets["a"] == "two"


@pytest.mark.parametrize(
    ("text", "mode", "said"),
    [
        ("a: s3cret", 0o640, "mode must be 0600"),
        ("a: [s3cret]", 0o600, "must map names to texts"),
        ("a: 5", 0o600, "must map names to texts"),
        ("a: 's3cret", 0o600, "is not YAML"),
    ],
    ids=["mode", "list", "number", "syntax"],
)
def test_bad_files(tmp_path, text, mode, said):
    with pytest.raises(Invalid, match=said) as caught:
        Secrets(written(tmp_path / "secrets", text, mode), {})
    assert "s3cret" not in str(caught.value)


def test_a_systems_credential():
    """The header that the system asks for, prefix and value; none when nothing is asked for or known."""
    secrets = Secrets(environment={"WAYBILL_SECRET_ERP": "abc"})

    def system(credential):
        return System("erp", "ERP", "eu", "http://127.0.0.1", credential=credential)

    assert secrets.credential(system(Credential("erp"))) == (b"authorization", b"Bearer abc")
    assert secrets.credential(system(Credential("erp", "X-Token", ""))) == (b"x-token", b"abc")
    assert secrets.credential(system(Credential("other"))) is None
    assert secrets.credential(system(None)) is None
