"""Brightwater's field loggers: their own CAs, and the web server with the revocation lists that these publish.

The server is on 127.0.0.1 like everything here; the product may ask it because the lab's settings name the host.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from moto.iot.models import iot_backends
from werkzeug.wrappers import Request, Response

from lab.aws_certificates import Authority, authority, ec_key, mint, number
from lab.aws_estate import enrol, known_as
from lab.aws_policies import ACCOUNT
from lab.clock import now
from lab.server import Fault, Server, Switchboard, failing

AMERICA = "us-east-1"
DAY = timedelta(days=1)
ROOT, FIELD, DEPOT = "Brightwater Field Root", "Brightwater Field CA", "Brightwater Depot CA"
REVOKED = {"root": (DEPOT,), "field": ("logger-boston-02",)}
"""Lists by the name of their file: the subjects of the certificates on them."""
DAMAGED = "-----BEGIN CERTIFICATE-----\nMIIB+zCCAaCgAwIBAgIUc3BpbGxlZCBjb2ZmZWU=\n-----END CERTIFICATE-----\n"
"""An entry that somebody put in before anybody checked."""

DEBIAN_MODULUS = int(
    "c096530c4c4a343fc388ff8b6e14c88b617485966dd0f757f3decb2f03dfdfe6f518e0948f5387059bd5aa124f26d38f139d"
    "d6ebc234360561689758e9b14e03f714508167374cbf64e24e26c3cd95ed5a5d04e3c404be157bb8090e9ada9cdc53ef7e80"
    "6c1e77b5f10242150a24e9adf991088daf20a75beb54bc91fe43dd8755447fd3abdefb9f1c987a8b0419824504e213f8dd26"
    "a9c6b7ed2f2103d8422720f7a7400ce34743e4ce40440c69013efea2a39790fcdfccbb424da1d824adfe58071ed76d41af83"
    "6e4093ea60f5719e250fa214f8631153a81eefc17d82e3f819da57691ed9602550074fdea73ac9e5cfe10f6b91adc31b402c"
    "3e370b03a559",
    16,
)
"""A public key of the broken generator (CVE-2008-0166), published as an example by badkeys (tests/data, MIT licence)."""

State = Literal["current", "expired", "forged", "moved", "large", "compressed", "damaged", "missing", "delta"]


class Lists:
    """The web server. ``state`` is what is wrong with the field CA's list; ``current``: nothing."""

    def __init__(self, switchboard: Switchboard) -> None:
        self.state: State = "current"
        self._switchboard = switchboard
        self._server = Server(self.answer)
        self.url = self._server.url
        self._signers = {"root": authority(ROOT)}
        for name, file in ((FIELD, "field"), (DEPOT, "depot")):
            made = mint(name, self._signers["root"], lists=self.at("root"))
            self._signers[file] = Authority(name, made, ec_key(name))

    def start(self) -> None:
        """Serves, and brings the loggers into the registry."""
        self._server.start()
        backend = iot_backends[ACCOUNT][AMERICA]
        for signer in self._signers.values():
            known_as(backend.register_ca_certificate(signer.pem, True, {}), backend.ca_certificates, signer.name)
        field, depot = self._signers["field"], self._signers["depot"]
        for name in ("logger-boston-01", "logger-boston-02"):
            enrol(AMERICA, name, mint(name, field, lists=self.at("field")), signer=field, label=name)
        enrol(AMERICA, "logger-salem-01", mint("logger-salem-01", depot), signer=depot, label="logger-salem-01")
        old = rsa.RSAPublicNumbers(65537, DEBIAN_MODULUS).public_key()
        enrol(AMERICA, "logger-salem-02", mint("logger-salem-02", field, old), signer=field)
        enrol(AMERICA, "logger-salem-03", DAMAGED)

    def stop(self) -> None:
        """Stops serving."""
        self._server.stop()

    def at(self, file: str) -> str:
        """Where a list lies."""
        return f"{self.url}/{file}.crl"

    def answer(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """One request for a list."""
        request = Request(environ)
        fault: Fault | None = self._switchboard.seen("crl.get_list")
        response = failing(fault, request, Response(status=403), Response(status=429)) if fault else None
        return (response or self.reply(request.path.strip("/").removesuffix(".crl")))(environ, start_response)

    def reply(self, file: str) -> Response:
        """A list as it is asked for."""
        state = self.state if file == "field" else "current"
        if file not in REVOKED or state == "missing":
            return Response(status=404)
        if state == "moved":
            return Response(status=302, headers={"Location": self.at("root")})
        if state == "large":
            return Response((b"\0" * 65536 for _ in range(200)), content_type="application/pkix-crl")
        if state == "damaged":
            return Response(self.made(file, state)[:-20], content_type="application/pkix-crl")
        headers = {"Content-Encoding": "gzip"} if state == "compressed" else {}
        return Response(self.made(file, state), headers=headers, content_type="application/pkix-crl")

    def made(self, file: str, state: State) -> bytes:
        """A list, signed by its CA or, when forged, by somebody else."""
        signer, at = self._signers[file], now()
        ends = at - DAY if state == "expired" else at + 7 * DAY
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(x509.load_pem_x509_certificate(signer.pem.encode()).subject)
            .last_update(at - 2 * DAY)
            .next_update(ends)
        )
        if state == "delta":
            builder = builder.add_extension(x509.DeltaCRLIndicator(1), critical=True)
        for subject in REVOKED[file] if state != "forged" else ():
            entry = x509.RevokedCertificateBuilder().serial_number(number(f"serial {subject}", 128))
            builder = builder.add_revoked_certificate(entry.revocation_date(at - 3 * DAY).build())
        key = ec_key("somebody else") if state == "forged" else signer.key
        return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def weak_keys() -> bytes:
    """A list of weak keys in badkeys' format with one key on it, the logger's; the real one has millions."""
    digest = hashes.Hash(hashes.SHA256())
    digest.update(DEBIAN_MODULUS.to_bytes(256, "big"))
    return digest.finalize()[:15] + b"\x01"
