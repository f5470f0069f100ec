"""Certificates of the lab's AWS estate: the same ones on every start, and no private key that anything trusts."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from math import prod

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

STARTS = datetime(2023, 1, 1, tzinfo=UTC)
ENDS = datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC)
ENDED = datetime(2025, 11, 3, tzinfo=UTC)
ECDSA_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")
ECDSA_SHA1 = bytes.fromhex("300906072a8648ce3d0401")


@dataclass(frozen=True)
class Authority:
    """A CA of the lab: its name, its certificate and the key it signs with."""

    name: str
    pem: str
    key: ec.EllipticCurvePrivateKey


def number(label: str, bits: int) -> int:
    """A number of that many bits which is always the same for a label; odd, and its two highest bits are set."""
    digest = b"".join(hashlib.sha512(f"{label}/{i}".encode()).digest() for i in range(bits // 512 + 1))
    return int.from_bytes(digest[: bits // 8], "big") | 3 << bits - 2 | 1


@cache
def ec_key(label: str) -> ec.EllipticCurvePrivateKey:
    """An EC P-256 key made from a label."""
    return ec.derive_private_key(number(label, 248), ec.SECP256R1())


def rsa_key(label: str, bits: int) -> rsa.RSAPublicKey:
    """A public RSA key of that size. Nobody has the private one, not even its factors are known."""
    return rsa.RSAPublicNumbers(65537, number(label, bits)).public_key()


def roca_key(label: str) -> rsa.RSAPublicKey:
    """A public RSA key of 2048 bits with the fingerprint of CVE-2017-15361: a power of 65537 modulo many small primes."""
    primorial = prod(p for p in range(2, 168) if all(p % d for d in range(2, int(p**0.5) + 1)))
    residue = pow(65537, 4711, primorial)
    modulus = number(label, 2048) // primorial * primorial + residue
    return rsa.RSAPublicNumbers(65537, modulus).public_key()


def mint(
    name: str,
    issuer: Authority | None = None,
    key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey | None = None,
    ends: datetime = ENDS,
    lists: str = "",
) -> str:
    """A certificate in PEM, signed by an authority or by itself; ``lists`` is the URL of its issuer's revocation list."""
    own = ec_key(name)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer.name)]) if issuer else subject
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(signer)
        .public_key(key or own.public_key())
        .serial_number(number(f"serial {name}", 128))
        .not_valid_before(STARTS)
        .not_valid_after(ends)
    )
    if lists:
        point = x509.DistributionPoint([x509.UniformResourceIdentifier(lists)], None, None, None)
        builder = builder.add_extension(x509.CRLDistributionPoints([point]), critical=False)
    signed = builder.sign(issuer.key if issuer else own, hashes.SHA256(), ecdsa_deterministic=True)
    return signed.public_bytes(Encoding.PEM).decode()


def authority(name: str, ends: datetime = ENDS) -> Authority:
    """A self-signed CA."""
    return Authority(name, mint(name, ends=ends), ec_key(name))


def dated(pem: str) -> str:
    """The certificate as if signed with SHA-1. The signature does not verify; the library signs with SHA-1 no more."""
    der = bytearray(x509.load_pem_x509_certificate(pem.encode()).public_bytes(Encoding.DER))
    inner = 2 + (der[1] & 0x7F)
    for start, fewer in ((inner, 1), (0, 2)):
        end = start + 2 + (der[start + 1] & 0x7F)
        der[start + 2 : end] = (int.from_bytes(der[start + 2 : end], "big") - fewer).to_bytes(end - start - 2, "big")
    changed = bytes(der).replace(ECDSA_SHA256, ECDSA_SHA1)
    return x509.load_der_x509_certificate(changed).public_bytes(Encoding.PEM).decode()
