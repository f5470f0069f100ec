"""Facts of certificates and keys: weak ones are called weak, sound ones are not, unknown ones stay unknown."""

from __future__ import annotations

import base64
import random
from datetime import UTC, datetime, timedelta
from functools import cache
from math import prod
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from collectors.x509 import (
    certificate,
    certificate_facts,
    fingerprint,
    has_roca_modulus,
    key_facts,
    public_key,
)

CLOCK = datetime(2026, 11, 22, 12, tzinfo=UTC)
SHA256_RSA = bytes.fromhex("2a864886f70d01010b")
SHA1_RSA = bytes.fromhex("2a864886f70d010105")
MD5_RSA = bytes.fromhex("2a864886f70d010104")
MD2_RSA = bytes.fromhex("2a864886f70d010102")
SMALL_PRIMES = [p for p in range(2, 168) if all(p % d for d in range(2, p))]


@cache
def authority() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def issued(
    key: Any,
    subject: str = "device",
    issuer: str = "authority",
    ends: timedelta = timedelta(days=30),
    signer: Any = None,
) -> x509.Certificate:
    """A certificate for a public key, signed by the authority, or by ``signer``."""

    def name(common: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])

    signer = signer or authority()
    builder = x509.CertificateBuilder(name(issuer), name(subject), key, 1, CLOCK - timedelta(days=900), CLOCK + ends)
    return builder.sign(signer, hashes.SHA256() if isinstance(signer, rsa.RSAPrivateKey) else None)


def pem(signed: x509.Certificate) -> str:
    return signed.public_bytes(Encoding.PEM).decode()


def resigned(signed: x509.Certificate, algorithm: bytes, digest: Any = None) -> bytes:
    """The certificate as an old authority would have signed it; no library builds such a one any more."""
    der = signed.public_bytes(Encoding.DER)
    body, old = der[:-256].replace(SHA256_RSA, algorithm), der[-256:]
    to_sign = signed.tbs_certificate_bytes.replace(SHA256_RSA, algorithm)
    return body + (authority().sign(to_sign, padding.PKCS1v15(), digest) if digest else old)


def roca_key(bits: int = 2048) -> rsa.RSAPublicKey:
    """A modulus that is a power of 65537 modulo each small prime, as the broken library's always are."""
    primorial, dice = prod(SMALL_PRIMES), random.Random(15361)
    modulus = primorial * dice.getrandbits(bits - primorial.bit_length()) + pow(65537, 12345, primorial)
    while modulus.bit_length() < bits:
        modulus += primorial * (1 << (bits - primorial.bit_length()))
    return rsa.RSAPublicNumbers(65537, modulus).public_key()


def test_sound_rsa_certificate_has_every_fact() -> None:
    key = rsa.generate_private_key(65537, 2048).public_key()
    assert certificate_facts(pem(issued(key)), CLOCK) == {
        "parseable": True,
        "algorithm": "RSA",
        "key_bits": 2048,
        "weak_key": False,
        "signature_hash": "sha256",
        "self_signed": False,
        "expires_in_days": 30,
    }


@pytest.mark.parametrize("bits", [512, 1024, 2047])
def test_short_rsa_key_is_weak(bits: int) -> None:
    key = rsa.RSAPublicNumbers(65537, (1 << (bits - 1)) + 3).public_key()
    facts = certificate_facts(pem(issued(key)), CLOCK)
    assert (facts["algorithm"], facts["key_bits"], facts["weak_key"]) == ("RSA", bits, True)


@pytest.mark.parametrize(
    ("key", "algorithm", "bits", "weak"),
    [
        (ec.generate_private_key(ec.SECP256R1()).public_key(), "EC", 256, False),
        (ec.generate_private_key(ec.SECP192R1()).public_key(), "EC", 192, True),
        (ed25519.Ed25519PrivateKey.generate().public_key(), "EdDSA", 256, False),
        (ed448.Ed448PrivateKey.generate().public_key(), "EdDSA", 456, False),
    ],
)
def test_elliptic_curve_keys_are_judged_by_their_size(key: Any, algorithm: str, bits: int, weak: bool) -> None:
    facts = certificate_facts(pem(issued(key)), CLOCK)
    assert (facts["algorithm"], facts["key_bits"], facts["weak_key"]) == (algorithm, bits, weak)


def test_ed25519_signature_has_no_hash_and_is_no_flaw() -> None:
    signer = ed25519.Ed25519PrivateKey.generate()
    facts = certificate_facts(pem(issued(signer.public_key(), signer=signer)), CLOCK)
    assert facts["signature_hash"] is None
    assert facts["weak_key"] is False


def test_key_with_the_roca_fingerprint_is_weak() -> None:
    key = roca_key()
    assert key.key_size == 2048
    assert has_roca_modulus(key.public_numbers().n)
    assert key_facts(key) == {"algorithm": "RSA", "key_bits": 2048, "weak_key": True}
    assert certificate_facts(pem(issued(key)), CLOCK)["weak_key"] is True


def test_roca_fingerprint_needs_every_small_prime() -> None:
    modulus = roca_key().public_numbers().n
    # 11 is the first prime with residues that are no power of 65537: of 1 to 10 only 1 and 10 are.
    others = prod(p for p in SMALL_PRIMES if p != 11)
    assert not has_roca_modulus(next(n for n in (modulus + k * others for k in range(11)) if n % 11 not in (1, 10)))


def is_prime(number: int) -> bool:
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for witness in SMALL_PRIMES[:12]:
        x = pow(witness, odd, number)
        if x not in (1, number - 1) and all((x := x * x % number) != number - 1 for _ in range(twos - 1)):
            return False
    return True


def test_five_hundred_products_of_random_primes_carry_no_roca_fingerprint() -> None:
    dice = random.Random(2017)

    def prime() -> int:
        return next(n for n in iter(lambda: dice.getrandbits(128) | 1 << 127 | 1, 0) if is_prime(n))

    assert not [n for n in (prime() * prime() for _ in range(500)) if has_roca_modulus(n)]


@pytest.mark.parametrize(("algorithm", "digest"), [(SHA1_RSA, hashes.SHA1()), (MD5_RSA, hashes.MD5())])
def test_broken_signature_hash_is_a_flaw_unless_the_certificate_signed_itself(algorithm: bytes, digest: Any) -> None:
    key = authority().public_key()
    by_another = certificate_facts(resigned(issued(key), algorithm, digest), CLOCK)
    by_itself = certificate_facts(resigned(issued(key, "authority", "authority"), algorithm, digest), CLOCK)
    facts = ("signature_hash", "self_signed", "weak_key")
    assert [by_another[fact] for fact in facts] == [digest.name, False, True]
    assert [by_itself[fact] for fact in facts] == [digest.name, True, False]


def test_unknown_signature_algorithm_leaves_only_its_own_facts_open() -> None:
    sound = certificate_facts(resigned(issued(authority().public_key()), MD2_RSA), CLOCK)
    weak = certificate_facts(resigned(issued(roca_key()), MD2_RSA), CLOCK)
    assert (sound["parseable"], sound["signature_hash"], sound["weak_key"]) == (True, None, None)
    assert (sound["expires_in_days"], sound["key_bits"]) == (30, 2048)
    assert weak["weak_key"] is True


def test_unknown_key_leaves_only_its_own_facts_open() -> None:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    prime256v1, unknown = bytes.fromhex("2a8648ce3d030107"), bytes.fromhex("2a8648ce3d03017f")
    facts = certificate_facts(issued(key).public_bytes(Encoding.DER).replace(prime256v1, unknown), CLOCK)
    assert (facts["algorithm"], facts["key_bits"], facts["weak_key"]) == (None, None, None)
    assert (facts["parseable"], facts["signature_hash"], facts["expires_in_days"]) == (True, "sha256", 30)


def test_certificate_that_bears_its_issuers_name_but_not_its_signature_is_not_self_signed() -> None:
    successor = rsa.generate_private_key(65537, 2048).public_key()
    assert certificate_facts(pem(issued(authority().public_key(), "a", "a")), CLOCK)["self_signed"] is True
    assert certificate_facts(pem(issued(successor, "a", "a")), CLOCK)["self_signed"] is False
    of_another_kind = ec.generate_private_key(ec.SECP256R1()).public_key()
    assert certificate_facts(pem(issued(of_another_kind, "a", "a")), CLOCK)["self_signed"] is False


@pytest.mark.parametrize(
    ("ends", "days"),
    [
        (timedelta(days=-1), -1),
        (timedelta(hours=-1), -1),
        (timedelta(0), 0),
        (timedelta(hours=23), 0),
        (timedelta(days=365), 365),
    ],
)
def test_days_until_it_ends_are_negative_as_soon_as_it_has(ends: timedelta, days: int) -> None:
    assert certificate_facts(pem(issued(authority().public_key(), ends=ends)), CLOCK)["expires_in_days"] == days


def test_certificate_is_read_from_pem_der_and_the_base64_of_either() -> None:
    signed = issued(authority().public_key())
    der = signed.public_bytes(Encoding.DER)
    chain = "Bag Attributes\r\n" + pem(signed).replace("\n", "\r\n") + pem(issued(roca_key()))
    for encoded in (
        der,
        pem(signed),
        pem(signed).encode(),
        chain,
        base64.b64encode(der).decode(),
        base64.b64encode(pem(signed).encode()).decode(),
    ):
        assert certificate(encoded) == signed


@pytest.mark.parametrize(
    "encoded",
    [
        "",
        "garbage",
        "-----BEGIN CERTIFICATE-----",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "\udcff",
        b"",
        b"\x30\x82\xff\xff",
    ],
)
def test_what_is_no_certificate_has_no_fact_but_that(encoded: str | bytes) -> None:
    assert certificate_facts(encoded, CLOCK) == {"parseable": False}


def test_certificate_of_a_version_that_does_not_exist_does_not_parse() -> None:
    der = issued(authority().public_key()).public_bytes(Encoding.DER)
    version = bytes.fromhex("a003020102")
    assert version in der
    assert certificate_facts(der.replace(version, bytes.fromhex("a003020109")), CLOCK) == {"parseable": False}


@pytest.mark.filterwarnings("ignore:Parsed a serial number which wasn't positive")  # damage may make one
@given(st.data())
def test_damaged_certificate_is_never_an_error(data: st.DataObject) -> None:
    der = bytearray(issued(authority().public_key()).public_bytes(Encoding.DER))
    for _ in range(data.draw(st.integers(1, 8))):
        der[data.draw(st.integers(0, len(der) - 1))] = data.draw(st.integers(0, 255))
    assert certificate_facts(bytes(der), CLOCK)["parseable"] in (True, False)


@given(st.text() | st.binary())
def test_any_text_is_answered(encoded: str | bytes) -> None:
    assert certificate_facts(encoded, CLOCK) == {"parseable": False}


def test_key_has_one_fingerprint_in_every_wrapping() -> None:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    bare = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    wrapped = pem(issued(key))
    assert fingerprint(public_key(bare)) == fingerprint(public_key(wrapped)) == fingerprint(key)
    assert fingerprint(public_key(bare)) != fingerprint(authority().public_key())


@pytest.mark.parametrize("encoded", ["", "garbage", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"])
def test_what_is_no_public_key_is_a_value_error(encoded: str) -> None:
    with pytest.raises(ValueError):
        public_key(encoded)
