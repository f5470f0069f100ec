"""Facts of an X.509 certificate or a public key, as cells of a row. Nothing here is secret: no private key is read."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from collectors.weak_keys import WeakKeys, mark

SMALLEST_RSA = 2048
"""Bits. NIST SP 800-57 Part 1: below this an RSA key gives less than 112 bits of security."""
SMALLEST_EC = 224
"""Bits, from the same table."""
BROKEN_HASHES = frozenset({"md5", "sha1"})


@cache
def _roca_primes() -> tuple[tuple[int, frozenset[int]], ...]:
    """Small primes and the residues that a modulus made by Infineon's library always has.

    Nemec et al., "The Return of Coppersmith's Attack" (CCS 2017), section 4: such a modulus is a power of 65537
    modulo every prime of the primorial.
    """
    primes = [p for p in range(3, 168) if all(p % d for d in range(2, int(p**0.5) + 1))]
    return tuple((p, frozenset(pow(65537, k, p) for k in range(p))) for p in primes)


def has_roca_modulus(modulus: int) -> bool:
    """Whether an RSA modulus carries the fingerprint of CVE-2017-15361."""
    return all(modulus % prime in residues for prime, residues in _roca_primes())


def key_facts(key: PublicKeyTypes) -> dict[str, Any]:
    """``algorithm``, ``key_bits`` and ``weak_key`` of a public key."""
    if isinstance(key, rsa.RSAPublicKey):
        weak = key.key_size < SMALLEST_RSA or has_roca_modulus(key.public_numbers().n)
        return {"algorithm": "RSA", "key_bits": key.key_size, "weak_key": weak}
    if isinstance(key, ec.EllipticCurvePublicKey):
        return {"algorithm": "EC", "key_bits": key.key_size, "weak_key": key.key_size < SMALLEST_EC}
    if isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
        bits = 256 if isinstance(key, ed25519.Ed25519PublicKey) else 456
        return {"algorithm": "EdDSA", "key_bits": bits, "weak_key": False}
    return {"algorithm": type(key).__name__.removesuffix("PublicKey").lstrip("_"), "key_bits": None, "weak_key": None}


def certificate(encoded: str | bytes) -> x509.Certificate:
    """The first certificate in a PEM text, in DER bytes, or in the base64 of either, as Azure returns it.

    Raises ``ValueError`` when there is none.
    """
    data = encoded.encode() if isinstance(encoded, str) else encoded
    if b"-----BEGIN" not in data and isinstance(encoded, str):
        data = base64.b64decode(data)
    try:
        return x509.load_pem_x509_certificate(data) if b"-----BEGIN" in data else x509.load_der_x509_certificate(data)
    except (UnsupportedAlgorithm, x509.InvalidVersion) as error:
        raise ValueError("not a certificate that can be read") from error


def signed_by_itself(parsed: x509.Certificate, verifiable: bool) -> bool:
    """Whether the certificate's own key signed it; an authority's old key may also sign for its next one.

    Where the signature is not ``verifiable``, because no library computes its hash any more, the names decide.
    """
    if parsed.issuer != parsed.subject:
        return False
    try:
        parsed.verify_directly_issued_by(parsed)
    except InvalidSignature:
        return False
    except (UnsupportedAlgorithm, TypeError, ValueError):
        return not verifiable
    return True


def pem_facts(encoded: str | bytes) -> dict[str, Any]:
    """Everything that a certificate itself says and that no clock changes, as plain values that can be kept.

    Beside the cells of :class:`collectors.tables.device.Certificate`: ``ends`` in ISO 8601, ``mark`` of the key for the
    list of weak keys, ``serial`` in hexadecimal, ``issuer`` and ``subject`` as hashes of the names, and ``lists``, the
    URLs of its issuer's revocation list. One that does not parse has ``parseable`` false and nothing else.
    """
    key: dict[str, Any] = {"algorithm": None, "key_bits": None, "weak_key": None}
    held, signature, broken = "", None, None
    try:
        parsed = certificate(encoded)
        with suppress(ValueError, UnsupportedAlgorithm):
            key = key_facts(parsed.public_key())
            held = mark(parsed.public_key())
        with suppress(UnsupportedAlgorithm):
            hashed = parsed.signature_hash_algorithm
            signature = hashed.name if hashed else None
            broken = signature in BROKEN_HASHES
        self_signed = signed_by_itself(parsed, verifiable=broken is False)
        flaws = (key["weak_key"], False if self_signed else broken)
        return {
            "parseable": True,
            **key,
            "weak_key": True if True in flaws else None if None in flaws else False,
            "signature_hash": signature,
            "self_signed": self_signed,
            "ends": parsed.not_valid_after_utc.isoformat(),
            "mark": held,
            "serial": f"{parsed.serial_number:x}",
            "issuer": name_hash(parsed.issuer),
            "subject": name_hash(parsed.subject),
            "lists": list_urls(parsed),
        }
    except ValueError:
        return {"parseable": False}


CELLS = ("parseable", "algorithm", "key_bits", "weak_key", "signature_hash", "self_signed")
"""Facts of a certificate that are cells of its row as they are."""


def cells(facts: Mapping[str, Any], clock: datetime, weak: WeakKeys) -> dict[str, Any]:
    """Facts as cells of :class:`collectors.tables.device.Certificate`, seen at a moment and with a list of weak keys."""
    found = {name: facts[name] for name in CELLS if name in facts}
    if facts.get("mark") in weak:
        found["weak_key"] = True
    if facts.get("ends"):
        found["expires_in_days"] = (datetime.fromisoformat(facts["ends"]) - clock).days
    return found


NO_LIST = WeakKeys()


def certificate_facts(encoded: str | bytes, clock: datetime, weak: WeakKeys = NO_LIST) -> dict[str, Any]:
    """Cells of :class:`collectors.tables.device.Certificate` that the certificate itself decides.

    One that does not parse has ``parseable`` false and no other fact. One whose key or signature is of a kind unknown
    here lacks the facts about that part.
    """
    return cells(pem_facts(encoded), clock, weak)


def name_hash(name: x509.Name) -> str:
    """SHA-256 of a name as it is encoded: issuer and subject of a chain are equal byte for byte (RFC 5280, 4.1.2.4)."""
    return hashlib.sha256(name.public_bytes()).hexdigest()


def list_urls(parsed: x509.Certificate) -> list[str]:
    """HTTP URLs of the certificate's revocation list, as it names them.

    A point for some reasons only, or with a list that another authority signs, says too little to be of use.
    """
    try:
        points = parsed.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return []
    return [
        name.value
        for point in points
        for name in ((point.full_name or ()) if not point.reasons and not point.crl_issuer else ())
        if isinstance(name, x509.UniformResourceIdentifier) and name.value.lower().startswith(("http://", "https://"))
    ]


def issued_by(parsed: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether an issuer's key really signed a certificate that bears the issuer's name."""
    try:
        parsed.verify_directly_issued_by(issuer)
    except (InvalidSignature, UnsupportedAlgorithm, TypeError, ValueError):
        return False
    return True


def public_key(encoded: str | bytes) -> PublicKeyTypes:
    """The public key in a PEM, bare or inside a certificate. Raises ``ValueError`` when there is none."""
    data = encoded.encode() if isinstance(encoded, str) else encoded
    try:
        return certificate(data).public_key() if b"CERTIFICATE" in data else load_pem_public_key(data)
    except UnsupportedAlgorithm as error:
        raise ValueError("unsupported algorithm") from error


def fingerprint(key: PublicKeyTypes) -> str:
    """SHA-256 of the key's SubjectPublicKeyInfo: the same key has the same fingerprint in every wrapping."""
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()
