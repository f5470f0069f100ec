"""Registries and devices of Nordwind Pumps, in Cloud IoT v1 JSON: at Google's old endpoint and at ClearBlade.

Keys are derived from names, so every start of the lab has the same ones; times are relative to the start.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256, shake_256
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from lab.server import CANARY

BINARY_CANARY = CANARY + "___"
"""The canary as it stands in a field of bytes: base64 for URLs wants lengths that divide by four."""


def ago(now: datetime, **span: float) -> str:
    """A time before now, as Google writes it."""
    return (now - timedelta(**span)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def private(name: str) -> ec.EllipticCurvePrivateKey:
    """The P-256 key that belongs to a name."""
    return ec.derive_private_key(int.from_bytes(sha256(name.encode()).digest()[:31]) + 1, ec.SECP256R1())


def pem(key: PublicKeyTypes) -> str:
    """A public key as devices register it."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def weak_rsa(name: str) -> rsa.RSAPublicKey:
    """A 1024 bit RSA public key; nobody has its private half."""
    modulus = int.from_bytes(shake_256(name.encode()).digest(128)) | 1 | 1 << 1023
    return rsa.RSAPublicNumbers(65537, modulus).public_key()


def certificate(name: str, issuer: str, now: datetime, days: float, key: PublicKeyTypes | None = None) -> str:
    """A certificate for a name, signed by the issuer's key, that ends in some days; for its own key or another."""
    at = now.replace(microsecond=0)
    built = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key or private(name).public_key())  # type: ignore[arg-type]
        .serial_number(int.from_bytes(sha256(f"{issuer}/{name}".encode()).digest()[:8]) + 1)
        .not_valid_before(at - timedelta(days=800))
        .not_valid_after(at + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=name == issuer, path_length=None), critical=True)
        .sign(private(issuer), hashes.SHA256())
    )
    return built.public_bytes(Encoding.PEM).decode()


def authority(name: str, now: datetime, days: float, key: PublicKeyTypes | None = None) -> dict[str, Any]:
    """A registry's CA."""
    return {
        "publicKeyCertificate": {
            "format": "X509_CERTIFICATE_PEM",
            "certificate": certificate(name, name, now, days, key),
            "x509Details": {"subject": f"CN={name}", "issuer": f"CN={name}", "expiryTime": ago(now, days=-days)},
        }
    }


def registry(
    parent: str, name: str, topic: str, http: str, level: str, authorities: list[dict[str, Any]]
) -> dict[str, Any]:
    """A registry."""
    return {
        "id": name,
        "name": f"{parent}/registries/{name}",
        "eventNotificationConfigs": [{"pubsubTopicName": topic}],
        "stateNotificationConfig": {"pubsubTopicName": topic},
        "mqttConfig": {"mqttEnabledState": "MQTT_ENABLED"},
        "httpConfig": {"httpEnabledState": http},
        "logLevel": level,
        "credentials": authorities,
    }


class Fleet:
    """Builds the devices of one registry."""

    def __init__(self, of: dict[str, Any], now: datetime, first: int) -> None:
        self.name, self.now, self.first = of["name"], now, first
        self.devices: list[dict[str, Any]] = []

    def add(self, device: str, *credentials: dict[str, Any], seen: float | None = 0.1, **changes: Any) -> None:
        """Adds a device, last seen some days ago or never."""
        number = str(2_600_000_000_000_000 + self.first + len(self.devices))
        made: dict[str, Any] = {
            "id": device,
            "name": f"{self.name}/devices/{number}",
            "numId": number,
            "credentials": list(credentials),
            "blocked": False,
            "logLevel": "LOG_LEVEL_UNSPECIFIED",
            "gatewayConfig": {"gatewayType": "NON_GATEWAY"},
            "config": {"version": "1", "binaryData": BINARY_CANARY},
            "metadata": {"note": "<img src=x onerror=alert(1)>", "cell": "=1+1"},
        }
        if seen is not None:
            made |= {"lastHeartbeatTime": ago(self.now, days=seen), "lastEventTime": ago(self.now, days=seen + 0.01)}
        self.devices.append(made | changes)

    def key(self, name: str, ends: float | None = 300) -> dict[str, Any]:
        """A bare P-256 credential that ends in some days, or never."""
        return self._credential("ES256_PEM", pem(private(name).public_key()), ends)

    def issued(self, name: str, issuer: str, ends: float | None = 300) -> dict[str, Any]:
        """An X.509 credential."""
        return self._credential("ES256_X509_PEM", certificate(name, issuer, self.now, 365), ends)

    def weak(self, name: str, ends: float | None = 300) -> dict[str, Any]:
        """A bare RSA credential of 1024 bits."""
        return self._credential("RSA_PEM", pem(weak_rsa(name)), ends)

    def broken(self) -> dict[str, Any]:
        """A credential that nobody can parse."""
        return self._credential("ES256_PEM", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", 300)

    def _credential(self, kind: str, encoded: str, ends: float | None) -> dict[str, Any]:
        made: dict[str, Any] = {"publicKey": {"format": kind, "key": encoded}}
        if ends is not None:
            made["expirationTime"] = ago(self.now, days=-ends)
        return made


GATEWAY = {"gatewayType": "GATEWAY", "gatewayAuthMethod": "ASSOCIATION_AND_DEVICE_AUTH_TOKEN"}
TRUSTING_GATEWAY = {"gatewayType": "GATEWAY", "gatewayAuthMethod": "ASSOCIATION_ONLY"}

Registries = dict[str, list[dict[str, Any]]]
Devices = dict[str, list[dict[str, Any]]]


def google(project: str, now: datetime) -> tuple[Registries, Devices]:
    """Three registries with 63 devices: by location, and the devices by registry."""
    us, eu = f"projects/{project}/locations/us-central1", f"projects/{project}/locations/europe-west1"
    topic = f"projects/{project}/topics"
    ca, station_ca = "Nordwind Device CA", "=HYPERLINK(0) Station CA"
    prod = registry(us, "pumps-prod", f"{topic}/pump-telemetry", "HTTP_DISABLED", "INFO", [authority(ca, now, 1000)])
    legacy = registry(us, "pumps-legacy", f"{topic}/legacy-events", "HTTP_ENABLED", "NONE", [])
    stations = registry(
        eu,
        "stations-eu",
        f"{topic}/station-events",
        "HTTP_STATE_UNSPECIFIED",
        "ERROR",
        [
            authority(station_ca, now, 12),
            authority("Station CA 2019", now, -40),
            authority("Station CA 2015", now, 900, weak_rsa("Station CA 2015")),
        ],
    )
    good = Fleet(prod, now, 0)
    for index in range(38):
        good.add(f"pump-{index:04}", good.issued(f"pump-{index:04}", ca), seen=index / 50)
    good.add("pump-clone", good.key("shared-bench-key"), seen=2)
    good.add("pump-rotating", good.issued("pump-rotating", ca), good.key("pump-rotating-old", ends=-3))
    old = Fleet(legacy, now, 1000)
    old.add("legacy-bench-1", old.key("shared-bench-key"), seen=3)
    old.add("legacy-bench-2", old.key("shared-bench-key"), seen=5)
    old.add("legacy-bench-3", old.key("shared-bench-key"), seen=700, blocked=True)
    old.add("legacy-weak", old.weak("legacy-weak"))
    old.add("legacy-forever", old.key("legacy-forever", ends=None))
    old.add("legacy-expired", old.key("legacy-expired", ends=-90), seen=91)
    old.add("legacy-silent", old.key("legacy-silent"), seen=400)
    old.add("legacy-never", old.key("legacy-never"), seen=None)
    old.add("legacy-muted", old.key("legacy-muted"), logLevel="NONE")
    old.add("legacy-broken", old.broken())
    old.add("legacy-self-signed", old.issued("legacy-self-signed", "legacy-self-signed"))
    for index in range(4):
        old.add(f"legacy-{index:04}", old.key(f"legacy-{index:04}"))
    away = Fleet(stations, now, 2000)
    away.add("station-gateway-1", away.issued("station-gateway-1", station_ca), gatewayConfig=GATEWAY)
    away.add("station-gateway-2", away.key("station-gateway-2"), gatewayConfig=TRUSTING_GATEWAY)
    away.add("station-gateway-3", away.key("station-gateway-3"), gatewayConfig={"gatewayType": "GATEWAY"})
    away.add("station-probe-1", seen=1)
    for index in range(4):
        away.add(f"station-{index:04}", away.issued(f"station-{index:04}", station_ca))
    return (
        {us: [prod, legacy], eu: [stations]},
        {prod["name"]: good.devices, legacy["name"]: old.devices, stations["name"]: away.devices},
    )


def clearblade(project: str, now: datetime) -> tuple[Registries, Devices]:
    """Two registries with 42 devices."""
    us = f"projects/{project}/locations/us-central1"
    topic = f"projects/{project}/topics/pump-telemetry"
    ca = "Nordwind Meter CA"
    meters = registry(us, "meters", topic, "HTTP_DISABLED", "ERROR", [authority(ca, now, 500)])
    trials = registry(us, "field-trials", topic, "HTTP_ENABLED", "NONE", [])
    good, trial = Fleet(meters, now, 5000), Fleet(trials, now, 6000)
    for index in range(30):
        good.add(f"meter-{index:04}", good.issued(f"meter-{index:04}", ca), seen=index / 10)
    good.add("meter-gateway", good.issued("meter-gateway", ca), gatewayConfig=GATEWAY)
    trial.add("trial-clone", trial.key("meter-0003"))
    trial.add("trial-weak", trial.weak("trial-weak"))
    trial.add("trial-forever", trial.key("trial-forever", ends=None), seen=200)
    trial.add("trial-epoch", trial.key("trial-epoch") | {"expirationTime": "1970-01-01T00:00:00Z"})
    trial.add("trial-expired", trial.key("trial-expired", ends=-5))
    trial.add("trial-gateway", trial.key("trial-gateway"), gatewayConfig=TRUSTING_GATEWAY)
    trial.add("trial-muted", trial.key("trial-muted"), logLevel="NONE")
    trial.add("trial-never", trial.key("trial-never"), seen=None)
    for index in range(3):
        trial.add(f"trial-{index:04}", trial.key(f"trial-{index:04}"))
    return {us: [meters, trials]}, {meters["name"]: good.devices, trials["name"]: trial.devices}
