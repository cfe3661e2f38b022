import secrets

import pytest
import yaml

from catalog.workspace import library_files
from controlplane.simulation.credential import ApiKey, new_signer, write_credential
from controlplane.simulation.fleet import Fleet
from controlplane.simulation.workspace import AUDIENCE, ISSUER, KEY_HOLDERS, write_workspace
from tests.controlplane.simulation.direct import Direct, DirectServer


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """The systems as processes, and the test double that stands where the gateway would."""
    tmp_path = tmp_path_factory.mktemp("network")
    secret = secrets.token_urlsafe(16)
    (tmp_path / "systems.secret").write_text(secret)
    signer, jwks = new_signer(ISSUER, AUDIENCE, "treasury")
    write_credential(tmp_path / "keys/treasury.json", signer)
    for name in KEY_HOLDERS:
        write_credential(tmp_path / f"keys/{name}.json", ApiKey(f"key-of-{name}"))
    fleet = Fleet(tmp_path)
    try:
        urls = fleet.start()
        slo = yaml.safe_load(library_files(["procure-to-pay"])["library:slos/receipt-reaches-erp.yaml"])
        write_workspace(tmp_path / "workspace", urls, jwks, slo)
        direct = Direct(tmp_path / "workspace", secret)
        with DirectServer(direct, tmp_path / "ready/gateway.json") as server:
            direct.url, direct.run_dir, direct.urls = server.url, tmp_path, urls
            yield direct
    finally:
        fleet.stop()
