"""Client certificates over real TLS, from the handshake to the record: who gets in and as whom, and rotation."""

from __future__ import annotations

import asyncio
import shutil
import socket
import ssl
import time
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from catalog.errors import Invalid
from gateway.edge import EdgeSettings
from gateway.server import serve
from gateway.tls import LOOK_S, Listening, Tls, make_context
from tests.gateway.certificate import Authority
from tests.gateway.rig import ORDER_BODY, api_key, consumer, rig, workspace_files
from tests.gateway.state.sample import run
from tests.gateway.test_main import host
from tests.gateway.test_reconcile import http, order
from tests.gateway.wire import answer, running_edge

ERP = "CN=erp,O=Lakeside Hospital"
POST = "/buying/v1/orders"


class Site:
    def __init__(self, path: Path, gateway, url: str, authority: Authority) -> None:
        self.path = path
        self.gateway = gateway
        self.url = url
        self.authority = authority

    async def post(self, certificate=None, headers=None, **order) -> httpx.Response:
        """A call over a connection of its own; raises httpx.HTTPError when TLS does not come about."""
        context = ssl.create_default_context(cafile=self.authority.file)
        if certificate is not None:
            context.load_cert_chain(*certificate)
        given = {"idempotency-key": f"k-{time.monotonic_ns()}", **(headers or {})}
        async with httpx.AsyncClient(verify=context, trust_env=False) as client:
            return await client.post(self.url + POST, json=ORDER_BODY | order, headers=given)


@asynccontextmanager
async def site(path: Path, is_client_optional: bool = False):
    """A gateway behind TLS with client certificates; `erp` is known by its subject, `both` by a URI."""
    authority = Authority(path)
    files = {
        "consumers__erp": consumer("erp", ["north"], ["read", "write"]) | {"mtls": [{"subject": ERP}]},
        "consumers__both": consumer("both", ["north"], ["write"]) | {"mtls": [{"san": "uri:spiffe://network/both"}]},
    }
    tls = Tls(*authority.issue("localhost"), authority.file, is_client_optional)
    stop, started = asyncio.Event(), asyncio.get_running_loop().create_future()
    async with rig(path / "state", workspace_files(**files)) as gateway:
        serving = asyncio.create_task(
            serve(
                gateway.app,
                host="127.0.0.1",
                ready=started.set_result,
                settings=EdgeSettings(),
                refused=gateway.app.refused,
                tls=tls,
                stop=stop,
            )
        )
        try:
            url = await started
            yield Site(path, gateway, url.replace("127.0.0.1", "localhost"), authority)
        finally:
            stop.set()
            await serving


def test_a_certificate_is_a_credential(tmp_path):
    """Its subject or its URI names the consumer; the record says so, and nothing of it goes to the system."""

    async def test():
        async with site(tmp_path) as it:
            by_subject = it.authority.issue("erp.example", ERP)
            assert (await it.post(by_subject)).status_code == 201
            by_uri = it.authority.issue("other.example", "CN=x", "spiffe://network/both")
            assert (await it.post(by_uri)).status_code == 201
            records = await it.gateway.entries()
            told = [(each["consumer"], each["principal"]) for each in records]
            assert told == [("erp", f"mtls:{ERP}"), ("both", "mtls:CN=x")]
            assert not any(b"Lakeside" in value for call in it.gateway.system.calls for _, value in call["headers"])

    run(test)


def test_a_certificate_that_names_nobody_is_no_credential(tmp_path):
    """It opens the connection and no more; an API key beside it decides."""

    async def test():
        async with site(tmp_path) as it:
            stranger = it.authority.issue("stranger.example")
            refused = await it.post(stranger)
            assert (refused.status_code, refused.json()["type"]) == (401, "urn:waybill:problem:unauthenticated")
            assert (await it.post(stranger, {"x-api-key": api_key("ap")})).status_code == 201

    run(test)


def test_two_credentials_must_name_one_consumer(tmp_path):
    async def test():
        async with site(tmp_path) as it:
            certificate = it.authority.issue("erp.example", ERP)
            assert (await it.post(certificate, {"x-api-key": api_key("erp")})).status_code == 201
            refused = await it.post(certificate, {"x-api-key": api_key("ap")})
            assert (refused.status_code, refused.json()["type"]) == (400, "urn:waybill:problem:credential-ambiguous")
            wrong = await it.post(certificate, {"x-api-key": api_key("erp")[:-1] + "_"})
            assert wrong.status_code == 401
            assert len(it.gateway.system.calls) == 1

    run(test)


def test_headers_that_claim_a_certificate_count_for_nothing(tmp_path):
    """What proxies write about a client's certificate is dropped when a client writes it (RFC 9440 §4)."""
    claims = ("client-cert", "client-cert-chain", "x-client-cert", "x-ssl-client-s-dn", "ssl-client-cert")
    claims += ("x-forwarded-client-cert", "x-amzn-mtls-clientcert-subject", "x-arr-clientcert", "X_Client_Cert")

    async def test():
        async with site(tmp_path, is_client_optional=True) as it:
            assert (await it.post(headers=dict.fromkeys(claims, ERP))).status_code == 401
            by_key = {**dict.fromkeys(claims, ERP), "x-api-key": api_key("ap")}
            assert (await it.post(headers=by_key)).status_code == 201
            [call] = it.gateway.system.calls
            assert not any(b"cert" in name.lower() or b"ssl" in name.lower() for name, _ in call["headers"])

    run(test)


def turned_away(tmp_path, certificate_of, is_client_optional=False, version=None) -> bool:
    """Whether a client does not get through TLS to an application."""
    authority = Authority(tmp_path)
    reached = []

    async def app(scope, receive, send):
        reached.append(scope.get("waybill.peer_certificate"))
        await answer(send, 200, b"ok")

    tls = Tls(*authority.issue("localhost"), authority.file, is_client_optional)
    with running_edge(app, tls=tls) as edge:
        context = ssl.create_default_context(cafile=authority.file)
        if version is not None:
            context.minimum_version = context.maximum_version = version
            context.set_ciphers("ALL:@SECLEVEL=0")
        certificate = certificate_of(authority)
        if certificate is not None:
            context.load_cert_chain(*certificate)
        try:
            with (
                socket.create_connection(("127.0.0.1", edge.port), timeout=10) as raw,
                context.wrap_socket(raw, server_hostname="localhost") as secure,
            ):
                secure.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                answered = secure.recv(1000)
        except OSError:
            answered = b""
    assert bool(reached) == bool(answered)
    return not reached


def of_another_ca(authority):
    return Authority(Path(authority.file).parent, "Other CA").issue("erp.example", ERP)


def expired(authority):
    return authority.issue("erp.example", ERP, days=-1)


def good(authority):
    return authority.issue("erp.example", ERP)


def none(authority):
    return None


@pytest.mark.parametrize("is_client_optional", [False, True])
@pytest.mark.parametrize("certificate", [of_another_ca, expired])
def test_a_bad_certificate_ends_in_the_handshake(tmp_path, certificate, is_client_optional):
    """Of another CA, or run out: also where none at all would do."""
    assert turned_away(tmp_path, certificate, is_client_optional)


def test_no_certificate_is_for_where_it_is_optional(tmp_path):
    assert turned_away(tmp_path, none)
    assert not turned_away(tmp_path, none, is_client_optional=True)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_old_tls_is_refused(tmp_path):
    """TLS 1.1 and older (RFC 8996); 1.2 and 1.3 are spoken."""
    assert turned_away(tmp_path, good, version=ssl.TLSVersion.TLSv1_1)
    assert not turned_away(tmp_path, good, version=ssl.TLSVersion.TLSv1_2)
    assert not turned_away(tmp_path, good, version=ssl.TLSVersion.TLSv1_3)


def copy(files: tuple[str, ...], live: Path) -> None:
    for source, name in zip(files, ("certificate", "key", "ca"), strict=True):
        shutil.copy(source, live / name)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_changed_files_are_used_without_a_restart(tmp_path, version):
    """Server certificate and clients' CA are replaced under way; the connection that stands goes on."""
    before, after = Authority(tmp_path, "Before"), Authority(tmp_path, "After")
    live = tmp_path / "live"
    live.mkdir()
    copy((*before.issue("localhost", file="server-1"), before.file), live)
    clients = {
        each: each.issue("erp.example", ERP, file=f"client-{index}") for index, each in enumerate([before, after])
    }

    async def app(scope, receive, send):
        await answer(send, 200, b"ok")

    def connect(port, server, client):
        context = ssl.create_default_context(cafile=server.file)
        context.maximum_version = version
        context.load_cert_chain(*clients[client])
        raw = socket.create_connection(("127.0.0.1", port), timeout=10)
        return context.wrap_socket(raw, server_hostname="localhost")

    def get(secure):
        try:
            secure.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            return secure.recv(1000)[-2:]
        except OSError:
            return b""

    with running_edge(app, tls=Tls(*(str(live / name) for name in ("certificate", "key", "ca")))) as edge:
        with connect(edge.port, before, before) as standing:
            assert get(standing) == b"ok"
            (live / "certificate").write_text("half a certif")
            time.sleep(LOOK_S + 0.5)
            with connect(edge.port, before, before) as still:
                assert get(still) == b"ok"
            copy((*after.issue("localhost", file="server-2"), after.file), live)
            time.sleep(LOOK_S + 0.5)
            assert get(standing) == b"ok"
        with connect(edge.port, after, after) as new:
            assert get(new) == b"ok"
        try:
            with connect(edge.port, after, before) as gone:
                assert get(gone) == b""
        except ssl.SSLError:
            assert version is ssl.TLSVersion.TLSv1_2  # in 1.3 a client learns it with the first answer


@pytest.mark.parametrize(("version", "is_resumed"), [(ssl.TLSVersion.TLSv1_2, True), (ssl.TLSVersion.TLSv1_3, False)])
def test_a_resumed_session_has_the_certificate_that_began_it(tmp_path, version, is_resumed):
    """TLS 1.3 resumes none behind client certificates; in 1.2 the client stays who it was, judged per request."""
    authority = Authority(tmp_path)
    client = authority.issue("erp.example", ERP)
    seen = []

    async def app(scope, receive, send):
        seen.append(scope["waybill.peer_certificate"].subject)
        await answer(send, 200, b"ok")

    with running_edge(app, tls=Tls(*authority.issue("localhost"), authority.file)) as edge:
        context = ssl.create_default_context(cafile=authority.file)
        context.maximum_version = version
        context.load_cert_chain(*client)
        session = None
        for is_second in (False, True):
            with (
                socket.create_connection(("127.0.0.1", edge.port), timeout=10) as raw,
                context.wrap_socket(raw, server_hostname="localhost", session=session) as secure,
            ):
                secure.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                assert secure.recv(1000).endswith(b"ok")
                assert secure.session_reused == (is_second and is_resumed)
                session = secure.session
    assert seen == [ERP, ERP]


def test_files_that_cannot_be_used_are_named(tmp_path):
    authority = Authority(tmp_path)
    certificate, key = authority.issue("localhost")
    other = authority.issue("other")[1]
    for tls, named in (
        (Tls("nowhere.pem", key), "nowhere.pem"),
        (Tls(certificate, other), other),
        (Tls(certificate, key, key), key),
    ):
        with pytest.raises(Invalid, match=named):
            make_context(tls)
    with pytest.raises(Invalid):
        Listening(Tls(certificate, other))


def test_the_whole_as_a_process(tmp_path):
    """By the command line's settings: a certificate is a consumer, none is 401 where it is optional, and a certificate
    that is replaced on disk is shown to the next client."""

    async def test():
        authority = Authority(tmp_path)
        server, client = authority.issue("localhost"), authority.issue("erp.example", ERP)
        async with host(tmp_path) as it:
            it.publish(consumers__erp=consumer("erp", ["north"], ["read", "write"]) | {"mtls": [{"subject": ERP}]})
            it.erp.post_answer = http(201, order())
            await it.start(
                *("--tls-certificate-file", server[0], "--tls-key-file", server[1]),
                *("--tls-client-ca-file", authority.file, "--tls-client-certificate", "optional"),
            )
            url = it.url.replace("127.0.0.1", "localhost")
            assert url.startswith("https://")

            async def post(number: int, certificate=None) -> int:
                trusting = ssl.create_default_context(cafile=authority.file)
                if certificate is not None:
                    trusting.load_cert_chain(*certificate)
                async with httpx.AsyncClient(verify=trusting, trust_env=False) as caller:
                    headers = {"idempotency-key": f"k-{number}"}
                    return (await caller.post(url + POST, json=ORDER_BODY, headers=headers)).status_code

            assert [await post(1, client), await post(2)] == [201, 401]
            shutil.copy(authority.issue("elsewhere", file="new")[0], server[0])
            shutil.copy(tmp_path / "new.key", server[1])
            await asyncio.sleep(LOOK_S + 0.5)
            with pytest.raises(httpx.ConnectError, match=r"doesn't match|not valid for"):
                await post(3, client)

    run(test)


def test_settings_that_do_not_fit_are_told(tmp_path):
    """Status 2 and one message, before anything is served."""
    certificate, key = Authority(tmp_path).issue("localhost")

    async def test():
        async with host(tmp_path) as it:
            it.publish()
            for options, said in (
                (("--tls-certificate-file", certificate), "needs --tls-key-file"),
                (("--tls-client-ca-file", certificate), "needs --tls-certificate-file"),
                (("--tls-certificate-file", key, "--tls-key-file", key), "cannot be used as certificate and key"),
                (("--tls-client-certificate", "maybe"), "a setting is wrong"),
            ):
                it.double.tokens.add("token-1")
                await it.start(*options, is_ready=False)
                assert await asyncio.wait_for(it.child.wait(), 20) == 2, options
                assert said in it.log.read_text().splitlines()[-1]

    run(test)
