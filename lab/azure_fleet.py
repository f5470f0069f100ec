"""The devices of the water company in Azure, and the CA certificates that vouch for them."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from lab.azure_example import NEVER, Body, Estate, example, identity
from lab.server import CANARY


@cache
def short_key() -> rsa.RSAPrivateKey:
    """A key of 1024 bits, made once a process: whatever it is, it is too short."""
    return rsa.generate_private_key(65537, 1024)


def _authority(estate: Estate, name: str, days: int, weak: bool = False) -> str:
    """A self-signed CA certificate that ends some days from now, DER in base64."""
    key = short_key() if weak else ec.derive_private_key(int(identity(name).replace("-", ""), 16), ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    end = estate.clock + timedelta(days=days, hours=6)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(4711)
        .not_valid_before(end - timedelta(days=3650))
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    return base64.b64encode(made.public_bytes(Encoding.DER)).decode()


def _certificate(estate: Estate, owner: Body, name: str, days: int, verified: bool, content: str | None = None) -> None:
    operation = "DpsCertificate_List" if "provisioningServices" in owner["id"] else "Certificates_ListByIotHub"
    body = example(operation, id=f"{owner['id']}/certificates/{name}", name=name)
    body["properties"] |= {
        "subject": f"CN={name}",
        "expiry": estate.date(days + 0.25),
        "created": estate.date(-200.25),
        "updated": estate.date(-200.25),
        "isVerified": verified,
        "certificate": _authority(estate, name, days) if content is None else content,
    }
    estate.certificates.setdefault(owner["id"], []).append(body)


def add_certificates(estate: Estate) -> None:
    """CA certificates: proven, unproven, ending, ended, with a short key, and one that is none."""
    hubs = {body["name"]: body for some in estate.hubs.values() for body in some}
    services = {body["name"]: body for some in estate.services.values() for body in some}
    _certificate(estate, hubs["hub-meters"], "factory-ca", 900, True)
    _certificate(estate, services["dps-meters"], "factory-ca", 900, True)
    _certificate(estate, hubs["hub-pumps"], "unproven-ca", 900, False)
    _certificate(estate, hubs["hub-pumps"], "ending-ca", 12, True)
    _certificate(
        estate, hubs["hub-pumps"], "short-key-ca", 900, True, _authority(estate, "short-key-ca", 900, weak=True)
    )
    _certificate(estate, hubs["hub-valves"], "garbled-ca", 400, True, "MA==")
    _certificate(estate, services["dps-field"], "ended-ca", -3, True)


def device(estate: Estate, name: str, kind: str, silent: float | None = 1.3, **more: Any) -> Body:
    """A device's twin; ``silent`` is the days since it was last heard, None if it never was."""
    return {
        "deviceId": name,
        "etag": "AAAAAAAAAAE=",
        "deviceEtag": "NjQ1MzE5",
        "status": "enabled",
        "statusUpdateTime": NEVER,
        "connectionState": "Disconnected",
        "lastActivityTime": NEVER if silent is None else estate.ago(silent),
        "cloudToDeviceMessageCount": 0,
        "authenticationType": kind,
        "x509Thumbprint": {"primaryThumbprint": None, "secondaryThumbprint": None},
        "authentication": {"symmetricKey": {"primaryKey": CANARY, "secondaryKey": CANARY}},
        "version": 2,
        "properties": {"desired": {"password": CANARY}, "reported": {}},
        "tags": {"site": {"town": ("Cork", "Galway")[len(name) % 2]}, "contact": f"{name}@brightwater.example"},
        "capabilities": {"iotEdge": False},
        **more,
    }


def _thumbs(first: str, second: str | None = None) -> Body:
    return {"primaryThumbprint": first, "secondaryThumbprint": second}


def _pump_twins(estate: Estate) -> Iterator[Body]:
    cloned, own = "97388663832D0393C9246CAB4FBA2C8677185A25", "0123456789ABCDEF0123456789ABCDEF01234567"
    yield device(estate, "pump-cloned-1", "selfSigned", x509Thumbprint=_thumbs(cloned))
    yield device(estate, "pump-cloned-2", "selfSigned", x509Thumbprint=_thumbs(own, cloned.lower()))
    yield device(estate, "pump-cloned-off", "selfSigned", x509Thumbprint=_thumbs(cloned), status="disabled")
    yield device(estate, "pump-unique", "selfSigned", x509Thumbprint=_thumbs("A" * 40, "0" * 40))
    yield device(estate, "pump-zero", "selfSigned", x509Thumbprint=_thumbs("B" * 40, "0" * 40))
    yield device(estate, "pump-open", "none")
    yield device(estate, "pump-behind-gateway", "none", parentScopes=["ms-azure-iot-edge://gateway-1-637"])
    yield device(estate, "pump-forgotten", "certificateAuthority", 400.2)
    yield device(estate, "pump-forgotten-off", "certificateAuthority", 400.2, status="disabled")
    yield device(estate, "pump-never", "certificateAuthority", None)
    yield device(estate, "pump-online", "certificateAuthority", 300.2, connectionState="Connected")
    yield device(estate, "gateway-1", "sas", capabilities={"iotEdge": True})
    yield device(estate, "gateway-2", "certificateAuthority", capabilities={"iotEdge": True})
    for name in ("=cmd('calc')!A1", "@SUM(1+1)*cmd", "+1+1", "-2+3", "%0A", "it's"):
        yield device(estate, name, "sas")
    yield device(estate, "pump-key-off", "sas", status="disabled")


def add_devices(estate: Estate) -> None:
    """The twins of every hub; one hub has every kind of device that a rule is about."""

    def meters(kind: str, prefix: str, many: int) -> list[Body]:
        return [device(estate, f"{prefix}-{n:04}", kind, 0.2 + n % 90) for n in range(many)]

    estate.twins = {
        "hub-meters.azure-devices.net": meters("certificateAuthority", "meter", estate.fleet),
        "hub-pumps.azure-devices.net": [*_pump_twins(estate), *meters("sas", "pump", 8)],
        "hub-valves.azure-devices.net": meters("certificateAuthority", "valve", 9),
        "hub-bench.azure-devices.net": meters("selfSigned", "bench", 0),
        "hub-trial.azure-devices.net": meters("sas", "trial", 3),
    }
