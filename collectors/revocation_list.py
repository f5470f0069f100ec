"""Revocation lists (RFC 5280, section 5): whether one is of use, and whether it names a certificate."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

UNDERSTOOD = frozenset({x509.IssuingDistributionPoint.oid, x509.CRLNumber.oid, x509.AuthorityKeyIdentifier.oid})


class NoUse(ValueError):
    """Raised for a list that proves nothing; the text says why."""


@dataclass(frozen=True)
class RevocationList:
    """A list that its issuer signed and that holds at the moment of the scan."""

    serials: frozenset[int]
    users_only: bool
    authorities_only: bool

    def names(self, serial: str, authority: bool) -> bool:
        """Whether it names a serial number (hexadecimal). Raises NoUse where it is silent about such certificates."""
        if int(serial, 16) in self.serials:
            return True
        if (authority and self.users_only) or (not authority and self.authorities_only):
            raise NoUse("the list is for certificates of another kind")
        return False


def revocation_list(data: bytes, url: str, issuer: x509.Certificate, clock: datetime) -> RevocationList:
    """The list in the bytes that a URL gave. Raises NoUse when it proves nothing about the issuer's certificates."""
    try:
        load = x509.load_pem_x509_crl if b"-----BEGIN" in data[:64] else x509.load_der_x509_crl
        parsed = load(data)
        if parsed.issuer != issuer.subject:
            raise NoUse("the list is of another issuer")
        if not signed(parsed, issuer):
            raise NoUse("the issuer did not sign the list")
        if parsed.next_update_utc is None or parsed.next_update_utc < clock:
            raise NoUse("the list has expired")
        if parsed.last_update_utc > clock:
            raise NoUse("the list is of a later day")
        point = scope_of(parsed, url)
        serials = frozenset(entry.serial_number for entry in parsed)
    except NoUse:
        raise
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise NoUse("no revocation list that can be read") from error
    users, authorities = (point.only_contains_user_certs, point.only_contains_ca_certs) if point else (False, False)
    return RevocationList(serials, users, authorities)


def signed(parsed: x509.CertificateRevocationList, issuer: x509.Certificate) -> bool:
    """Whether the issuer's key signed the list, and may."""
    with suppress(x509.ExtensionNotFound):
        if not issuer.extensions.get_extension_for_class(x509.KeyUsage).value.crl_sign:
            return False
    try:
        return parsed.is_signature_valid(issuer.public_key())  # type: ignore[arg-type]  # of other kinds: TypeError
    except InvalidSignature:
        return False


def scope_of(parsed: x509.CertificateRevocationList, url: str) -> x509.IssuingDistributionPoint | None:
    """What part of the issuer's certificates the list is about; None for all of them. Raises NoUse for odd ones."""
    point: x509.IssuingDistributionPoint | None = None
    for extension in parsed.extensions:
        if isinstance(extension.value, x509.IssuingDistributionPoint):
            point = extension.value
        elif extension.critical and extension.oid not in UNDERSTOOD:
            raise NoUse("the list has a critical extension that is not understood")  # a delta list has one, too
    if point and (point.indirect_crl or point.only_some_reasons or point.only_contains_attribute_certs):
        raise NoUse("the list is partial")
    if point and point.full_name and url not in [getattr(name, "value", "") for name in point.full_name]:
        raise NoUse("the list is for another distribution point")
    return point
