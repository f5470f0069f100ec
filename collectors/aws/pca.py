"""AWS Private CA: whether certificates of the CAs behind device certificates can be revoked for all to see."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from collectors.aws.certificate_issuers import DESCRIBE_AUTHORITY, LIST_AUTHORITIES
from collectors.operation import Operation, Reader, collector
from collectors.schema import Row, Unread, is_gone
from collectors.tables.device import IssuingAuthority
from collectors.x509 import fingerprint, public_key

LIST_CAS = Operation(
    "acm-pca.list_certificate_authorities", "acm-pca:ListCertificateAuthorities", items="CertificateAuthorities",
    fixed=(("MaxResults", 1000),),
)  # fmt: skip
CA_CERTIFICATE = Operation(
    "acm-pca.get_certificate_authority_certificate", "acm-pca:GetCertificateAuthorityCertificate"
)

PEM = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


@collector(IssuingAuthority, "aws", LIST_CAS, CA_CERTIFICATE, LIST_AUTHORITIES, DESCRIBE_AUTHORITY)
def private_authorities(read: Reader) -> Iterator[Row]:
    """Every CA that the account has in AWS Private CA in one region. Only those that issue are compared with AWS IoT."""
    for authority in read(LIST_CAS):
        subject = (authority.get("CertificateAuthorityConfiguration") or {}).get("Subject") or {}
        active = authority.get("Status") == "ACTIVE"
        yield {
            "resource": authority["Arn"],
            "name": subject.get("CommonName") or authority["Arn"].rsplit("/", 1)[-1],
            "active": active,
            "short_lived": authority.get("UsageMode", "GENERAL_PURPOSE") == "SHORT_LIVED_CERTIFICATE",
            "registered": is_registered(read, authority["Arn"]) if active else None,
            "publishes_revocation": publishes(authority.get("RevocationConfiguration") or {}),
        }


def publishes(revocation: Mapping[str, Any]) -> bool:
    """Whether certificates name an OCSP responder or a CRL. A CRL that no certificate points at helps no audit."""
    crl = revocation.get("CrlConfiguration") or {}
    hidden = (crl.get("CrlDistributionPointExtensionConfiguration") or {}).get("OmitExtension", False)
    ocsp = (revocation.get("OcspConfiguration") or {}).get("Enabled", False)
    return bool(ocsp or (crl.get("Enabled", False) and not hidden))


def keys_of(*pems: str | None) -> set[str]:
    """Fingerprints of the public keys in texts of one or more PEM certificates; one that cannot be parsed is left out."""
    found = set()
    for pem in PEM.findall("\n".join(pem or "" for pem in pems)):
        try:
            found.add(fingerprint(public_key(pem)))
        except ValueError:
            continue
    return found


def is_registered(read: Reader, arn: str) -> bool | Unread:
    """Whether the key of a CA, or of one above it, is that of a CA registered in AWS IoT in a scanned region."""
    own = read(CA_CERTIFICATE, CertificateAuthorityArn=arn).cell(
        lambda reply: keys_of(reply["Certificate"], reply.get("CertificateChain"))
    )
    if isinstance(own, Unread):
        return own
    unread: Unread | None = None
    for region in read.options["regions"]:
        listed = read(LIST_AUTHORITIES, region=region).cell(lambda found: [ca["certificateId"] for ca in found])
        for identifier in () if isinstance(listed, Unread) else listed:
            held = read(DESCRIBE_AUTHORITY, region=region, certificateId=identifier).cell(
                lambda reply: keys_of(reply["certificateDescription"]["certificatePem"])
            )
            if is_gone(held):
                continue
            if isinstance(held, Unread):
                unread = held
            elif held & own:
                return True
        if isinstance(listed, Unread):
            unread = listed
    return unread or False
