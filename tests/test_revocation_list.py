"""Revocation lists: fetched from where they may be, believed when they prove something, unknown otherwise."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import pytest
import trustme
from cryptography import x509
from registry import Looked, certificates
from werkzeug.wrappers import Response

from checks.unread import parse
from collectors import crl_http
from collectors.aws.certificate_issuers import REVOKED_ABOVE, REVOKED_AUTHORITY, REVOKED_DEVICE
from collectors.crl_http import LARGEST, Outside, public
from collectors.operation import ReadFailed
from collectors.revocation_list import NoUse, revocation_list
from lab.aws_revocation import FIELD, ROOT, Lists, State
from lab.cloud import Lab
from lab.server import Server, Switchboard

NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def lists() -> Any:
    """The lab's web server with nothing else of the lab."""
    served = Lists(Switchboard())
    served._server.start()
    yield served
    served.stop()


def told(looked: Looked, name: str) -> tuple[Any, Any]:
    row = looked.named(name)
    return row["revocation_list"], row["revoked"]


def test_a_certificate_is_revoked_when_its_issuers_list_names_it_or_a_ca_above_it(lab: Lab) -> None:
    looked = certificates(lab)
    assert told(looked, "logger-boston-01") == (True, False)
    assert told(looked, "logger-boston-02") == (True, True)
    assert told(looked, "logger-salem-01") == (True, True), "the CA that signed it is revoked"
    assert told(looked, "logger-salem-02") == (False, None), "it names no list"
    assert told(looked, "meter-boston-000") == (False, None)
    assert [told(looked, name) for name in (ROOT, FIELD, "Brightwater Depot CA")] == [
        (False, None), (True, False), (True, True),
    ]  # fmt: skip
    assert lab.aws.switchboard.calls["crl.get_list"] == 2, "each list is fetched once"
    assert looked.answered() == {REVOKED_AUTHORITY: True, REVOKED_DEVICE: False, REVOKED_ABOVE: False}


def test_the_issuer_is_the_registered_ca_whose_key_signed_the_certificate(lab: Lab) -> None:
    looked = certificates(lab)
    assert looked.named("logger-boston-01")["issuer"] == looked.named(FIELD)["name"]
    assert looked.named(FIELD)["issuer"] == looked.named(ROOT)["name"]
    assert looked.named("meter-boston-000")["issuer"] == "", "its CA is registered in another region"


def test_nothing_is_fetched_unless_the_settings_say_so(lab: Lab) -> None:
    looked = certificates(lab, crl_fetch=False)
    assert lab.aws.switchboard.calls["crl.get_list"] == 0
    assert told(looked, "logger-boston-02") == (False, None)
    assert looked.answered() == {REVOKED_AUTHORITY: False, REVOKED_DEVICE: False, REVOKED_ABOVE: False}


def test_without_leave_for_the_host_its_private_address_is_not_asked(lab: Lab) -> None:
    looked = certificates(lab, crl_hosts=[])
    assert lab.aws.switchboard.calls["crl.get_list"] == 0
    assert told(looked, "logger-boston-02") == (None, None)
    assert looked.why("logger-boston-02", "revoked") == ("failed", "PortNotAllowed, 127.0.0.1")
    assert REVOKED_AUTHORITY not in looked.answered(), "nobody could ask"
    assert looked.answered()[REVOKED_DEVICE] is False, "others name no list at all"


def test_a_list_that_has_expired_leaves_one_unknown_for_all_it_was_to_answer(lab: Lab) -> None:
    lab.aws.lists.state = "expired"
    try:
        looked = certificates(lab)
    finally:
        lab.aws.lists.state = "current"
    assert told(looked, "logger-boston-01") == told(looked, "logger-boston-02") == (None, None)
    assert told(looked, "logger-salem-01") == (True, True)
    assert "the list has expired" in looked.why("logger-boston-01", "revoked")[1]
    unknown = looked.findings("certificate-is-on-no-revocation-list", "unknown")
    assert len(unknown) == 1
    assert unknown[0]["status_reason"].startswith(
        "Nobody can tell whether the check concerns 2 resources. "
        "revocation_list, revoked: not read: the service gave no usable answer ("
    )
    assert {one.cause for one in parse(unknown[0]["unread"])} == {"failed"}


def test_findings_name_the_revoked_and_what_cannot_be_read(lab: Lab) -> None:
    looked = certificates(lab)

    def failing(check: str) -> set[str]:
        return {looked.called(finding["resource_id"]) for finding in looked.findings(check, "fail")}

    assert failing("certificate-is-on-no-revocation-list") == {"logger-boston-02", "logger-salem-01"}
    assert failing("authority-is-on-no-revocation-list") == {"Brightwater Depot CA"}
    assert failing("certificate-can-be-read") == {"?"}
    assert looked.named("?")["weak_key"] is None


BROKEN: list[tuple[State, str]] = [
    ("expired", "the list has expired"),
    ("forged", "the issuer did not sign the list"),
    ("delta", "the list has a critical extension that is not understood"),
    ("damaged", "no revocation list that can be read"),
    ("moved", "Redirect"),
    ("large", "TooLarge"),
    ("compressed", "Compressed"),
    ("missing", "HTTP404"),
]


@pytest.mark.parametrize(("state", "reason"), BROKEN)
def test_a_list_that_proves_nothing_is_refused_and_says_why(lists: Lists, state: State, reason: str) -> None:
    issuer = x509.load_pem_x509_certificate(lists._signers["field"].pem.encode())
    lists.state = state
    with pytest.raises((NoUse, ReadFailed)) as refused:
        revocation_list(Outside(["127.0.0.1"]).fetch(lists.at("field")), lists.at("field"), issuer, NOW)
    assert (refused.value.code if isinstance(refused.value, ReadFailed) else str(refused.value)) == reason


def test_a_list_of_another_issuer_proves_nothing(lists: Lists) -> None:
    issuer = x509.load_pem_x509_certificate(lists._signers["depot"].pem.encode())
    lists.state = "current"
    with pytest.raises(NoUse, match="another issuer"):
        revocation_list(Outside(["127.0.0.1"]).fetch(lists.at("field")), lists.at("field"), issuer, NOW)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://127.0.0.1/a.crl", "PrivateAddress"),
        ("http://localhost/a.crl", "PrivateAddress"),
        ("http://2130706433/a.crl", "PrivateAddress"),
        ("https://[::1]/a.crl", "PrivateAddress"),
        ("http://0.0.0.0/a.crl", "PrivateAddress"),
        ("http://10.1.2.3/a.crl", "PrivateAddress"),
        ("http://100.64.0.1/a.crl", "PrivateAddress"),
        ("http://169.254.169.254/latest/meta-data", "PrivateAddress"),
        ("http://[::ffff:169.254.169.254]/latest/meta-data", "PrivateAddress"),
        ("http://[64:ff9b::a9fe:a9fe]/latest/meta-data", "PrivateAddress"),
        ("http://[2002:7f00:1::]/a.crl", "PrivateAddress"),
        ("http://[fd00:ec2::254]/latest/meta-data", "PrivateAddress"),
        ("http://224.0.0.1/a.crl", "PrivateAddress"),
        ("http://127.0.0.1:6379/a.crl", "PortNotAllowed"),
        ("https://ca.example:22/a.crl", "PortNotAllowed"),
        ("http://user:word@ca.example/a.crl", "BadUrl"),
        ("ftp://ca.example/a.crl", "BadUrl"),
        ("file:///etc/passwd", "BadUrl"),
        ("http://", "BadUrl"),
        ("http://[::1", "BadUrl"),
        ("", "BadUrl"),
    ],
)
def test_only_public_addresses_are_asked(url: str, code: str) -> None:
    with pytest.raises(ReadFailed) as refused:
        Outside().fetch(url)
    assert (refused.value.outcome, refused.value.code) == ("failed", code)


@pytest.mark.parametrize(
    ("address", "so"),
    [
        *((address, True) for address in (
            "93.184.215.14", "2606:2800:220:1::1", "::ffff:93.184.215.14", "168.63.129.17", "2002:5db8:d70e::1",
            "64:ff9b::5db8:d70e", "192.0.1.1", "3ffe::1",
        )),
        *((address, False) for address in (
            "fe80::1%eth0", "168.63.129.16", "::ffff:168.63.129.16", "64:ff9b::a83f:8110", "192.0.0.1", "192.0.0.9",
            "192.0.0.192", "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "240.0.0.1",
            "255.255.255.255", "0.0.0.1", "100.100.100.200", "192.31.196.1", "192.52.193.1", "192.175.48.1", "fec0::1",
            "feff::1", "3fff::1", "3fff:fff::1", "2001:db8::1", "2001:2::1", "2001:20::1", "2001:1::1", "100::1",
            "2001:0:4136:e378:8000:63bf:3fff:fdd2", "5f00::1", "64:ff9b:1::1", "fc00::1", "ff02::1", "::", "::1",
            "::93.184.215.14", "4000::1", "2620:4f:8000::1", "64:ff9b::7f00:1",
        )),
    ],
)  # fmt: skip
def test_public_addresses_are_known_from_others(address: str, so: bool) -> None:
    assert public(address) is so


def test_a_name_is_looked_up_once_and_its_address_kept(lists: Lists, monkeypatch: pytest.MonkeyPatch) -> None:
    lookups, really = [], socket.getaddrinfo

    def lookup(host: Any, port: Any, *rest: Any, **more: Any) -> Any:
        if host == "lists.brightwater.example":
            lookups.append(host)
            host = "127.0.0.1" if len(lookups) == 1 else "169.254.169.254"
        return really(host, port, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    lists.state = "current"
    url = lists.at("field").replace("127.0.0.1", "lists.brightwater.example")
    assert Outside(["lists.brightwater.example"]).fetch(url)
    assert len(lookups) == 1


def test_a_name_with_one_private_address_is_refused_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    def lookup(*_: Any, **__: Any) -> Any:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, 80)) for ip in ("93.184.215.14", "10.0.0.1")]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    with pytest.raises(ReadFailed, match="PrivateAddress"):
        Outside().fetch("http://ca.example/a.crl")


def test_a_list_behind_tls_needs_a_certificate_of_the_hosts_name() -> None:
    authority, tls = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(tls)
    server = Server(Response(b"list"), tls)
    server.start()
    try:
        with authority.cert_pem.tempfile() as bundle:
            outside = Outside(["localhost", "127.0.0.1"], bundle)
            assert outside.fetch(f"https://localhost:{server.port}/") == b"list"
            for url, trusting in (
                (f"https://127.0.0.1:{server.port}/", outside),
                (f"https://localhost:{server.port}/", Outside(["localhost"])),
            ):
                with pytest.raises(ReadFailed, match="ConnectError"):
                    trusting.fetch(url)
    finally:
        server.stop()


def test_the_largest_list_is_read_and_not_a_byte_more() -> None:
    bodies = {"/fits": LARGEST, "/toolong": LARGEST + 1}

    def answer(environ: dict[str, Any], start_response: Any) -> Any:
        return Response(b"\0" * bodies[environ["PATH_INFO"]])(environ, start_response)

    server = Server(answer)
    server.start()
    try:
        assert len(Outside(["127.0.0.1"]).fetch(f"{server.url}/fits")) == LARGEST
        with pytest.raises(ReadFailed, match="TooLarge"):
            Outside(["127.0.0.1"]).fetch(f"{server.url}/toolong")
    finally:
        server.stop()


@contextmanager
def dripping(*parts: bytes) -> Iterator[str]:
    """A host that says the first part at once and then a byte every tenth of a second, for ever. Gives its URL."""
    over = threading.Event()

    def serve() -> None:
        with suppress(OSError):
            peer, _ = listener.accept()
            with peer:
                peer.recv(4096)
                for byte in parts[:1]:
                    peer.sendall(byte)
                while not over.wait(0.1):
                    peer.sendall(parts[-1])

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/a.crl"
        finally:
            over.set()
            thread.join(5)


@pytest.mark.parametrize(
    "start",
    [b"", b"HTTP/1.1 200 OK\r\nX-Long: ", b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"],
    ids=["the first line", "a header", "a list without end", "a list of a known length"],
)  # fmt: skip
def test_a_host_that_drips_is_left_at_the_deadline(start: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crl_http, "SECONDS", 1.0)
    with dripping(start, b"H") as url:
        began = time.monotonic()
        with pytest.raises(ReadFailed, match="Timeout"):
            Outside(["127.0.0.1"]).fetch(url)
        assert 0.9 < time.monotonic() - began < 5.0


def test_a_host_that_speaks_no_tls_is_left_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crl_http, "SECONDS", 1.0)
    with dripping(b"", b"\x16") as url:
        began = time.monotonic()
        with pytest.raises(ReadFailed, match=r"Timeout|ConnectError"):
            Outside(["127.0.0.1"]).fetch(url.replace("http:", "https:"))
        assert time.monotonic() - began < 5.0


def test_a_name_that_nobody_looks_up_in_time_is_left_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    monkeypatch.setattr(crl_http, "SECONDS", 0.5)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [] * over.wait(10))
    began = time.monotonic()
    try:
        with pytest.raises(ReadFailed, match="Timeout"):
            Outside().fetch("http://ca.example/a.crl")
        assert time.monotonic() - began < 5.0
    finally:
        over.set()
