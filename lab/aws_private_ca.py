"""The CAs of AWS Private CA in the lab's AWS estate, and what they publish of revoked certificates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab.aws_answers import Answer, Missing, Reply
from lab.aws_certificates import ENDS, authority, mint
from lab.aws_policies import ACCOUNT, HOME

PRIVATE = authority("Brightwater Root")


ISSUING = {
    name: mint(f"Brightwater {name} CA", PRIVATE) for name in ("Device", "Factory", "Partner", "Website", "Batch")
}
"""Certificates of the CAs that AWS Private CA holds; those of devices, factory and partners are registered in AWS IoT."""


CRL = {"Enabled": True, "ExpirationInDays": 7, "S3BucketName": "brightwater-crl"}


REVOCATION: dict[str, Reply] = {
    "Device": {"CrlConfiguration": CRL, "OcspConfiguration": {"Enabled": False}},
    "Factory": {"CrlConfiguration": CRL | {"CrlDistributionPointExtensionConfiguration": {"OmitExtension": True}}},
    "Partner": {"CrlConfiguration": {"Enabled": False}, "OcspConfiguration": {"Enabled": False}},
    "Website": {"CrlConfiguration": {"Enabled": False}},
    "Batch": {"CrlConfiguration": {"Enabled": False}},
}
"""What each private CA says about revocation: the factory's hides where its CRL is, the partners' has none."""


def ca_arn(name: str) -> str:
    """ARN of a private CA."""
    return f"arn:aws:acm-pca:{HOME}:{ACCOUNT}:certificate-authority/{list(REVOCATION).index(name):08}-aaaa-4bbb-8ccc-000000000000"


def private_ca(name: str) -> Reply:
    """A private CA as it is listed."""
    return {
        "Arn": ca_arn(name),
        "OwnerAccount": ACCOUNT,
        "Type": "SUBORDINATE",
        "Status": "ACTIVE",
        "NotAfter": ENDS,
        "CertificateAuthorityConfiguration": {
            "KeyAlgorithm": "EC_prime256v1",
            "SigningAlgorithm": "SHA256WITHECDSA",
            "Subject": {"CommonName": f"Brightwater {name} CA"},
        },
        "RevocationConfiguration": REVOCATION[name],
        "UsageMode": "SHORT_LIVED_CERTIFICATE" if name == "Batch" else "GENERAL_PURPOSE",
    }


def list_cas(region: str, params: Mapping[str, Any]) -> Reply:
    return {"CertificateAuthorities": [private_ca(name) for name in REVOCATION] if region == HOME else []}


def ca_certificate(_: str, params: Mapping[str, Any]) -> Reply:
    name = next((n for n in REVOCATION if ca_arn(n) == params["CertificateAuthorityArn"]), None)
    if name is None:
        raise Missing(params["CertificateAuthorityArn"], status=400)
    return {"Certificate": ISSUING[name], "CertificateChain": PRIVATE.pem}


ANSWERS: dict[str, Answer] = {
    "acm-pca.list_certificate_authorities": list_cas,
    "acm-pca.get_certificate_authority_certificate": ca_certificate,
}
