"""What audits of AWS IoT Device Defender found about identities."""

from __future__ import annotations

from checks.check import check, proven
from collectors.schema import Rows, Verdict
from collectors.tables.fleet import AuditCheck


def clear(audits: Rows[AuditCheck], days: int) -> Verdict:
    """Whether a recent audit found nothing; an old one that found nothing proves nothing."""
    return (audits["open_resources"] == "") & proven(audits["age_days"] <= days)


AUDITED = (
    {"open_resources": "", "age_days": 8, "lists_answered": False},
    {"open_resources": "", "age_days": 9, "lists_answered": True},
)


STALE = ({"open_resources": "", "age_days": 9, "lists_answered": False},)


NAMED = ({"open_resources": "0f1e2d", "age_days": 1, "lists_answered": False},)


@check(
    severity="critical",
    serves=["aws-iot-ca-revoked-active"],
    remedy={"aws": "Set the CA certificate to INACTIVE and review every certificate that it signed."},
    command={
        "aws": (
            "aws iot update-ca-certificate --region {region} --certificate-id YOUR_CA_CERTIFICATE_ID"
            " --new-status INACTIVE"
        ),
    },
    only={"provider": "aws", "check": "REVOKED_CA_CERTIFICATE_STILL_ACTIVE_CHECK"},
    passes=AUDITED,
    fails=NAMED,
    open=STALE,
    ignores=[{"check": "REVOKED_DEVICE_CERTIFICATE_STILL_ACTIVE_CHECK"}],
)
def revoked_authority_is_inactive(audits: Rows[AuditCheck], *, days: int = 8) -> Verdict:
    """No CA that its issuer revoked is active.

    Every certificate it signs is still trusted, whoever holds its key. Device Defender's audit tells, where revocation
    lists do not.
    """
    return clear(audits, days) | audits["lists_answered"]


@check(
    severity="high",
    serves=["aws-iot-cert-revoked-by-issuer-active"],
    remedy={"aws": "Set the certificate to REVOKED and detach its policies."},
    command={
        "aws": (
            "aws iot update-certificate --region {region} --certificate-id YOUR_CERTIFICATE_ID --new-status REVOKED"
        ),
    },
    only={
        "provider": "aws",
        "check": (
            "REVOKED_DEVICE_CERTIFICATE_STILL_ACTIVE_CHECK",
            "INTERMEDIATE_CA_REVOKED_FOR_ACTIVE_DEVICE_CERTIFICATES_CHECK",
        ),
    },
    passes=AUDITED,
    fails=[*NAMED, {**NAMED[0], "check": "INTERMEDIATE_CA_REVOKED_FOR_ACTIVE_DEVICE_CERTIFICATES_CHECK"}],
    open=STALE,
    ignores=[{"check": "REVOKED_CA_CERTIFICATE_STILL_ACTIVE_CHECK"}],
)
def revoked_certificate_is_inactive(audits: Rows[AuditCheck], *, days: int = 8) -> Verdict:
    """No certificate that was revoked by its issuer, or signed by a revoked CA, is active.

    AWS IoT does not look at revocation lists by itself: a device known to be lost still connects. Device Defender's
    audit tells, where revocation lists do not.
    """
    return clear(audits, days) | audits["lists_answered"]


@check(
    severity="critical",
    serves=["aws-iot-cert-shared-across-things"],
    remedy={"aws": "Issue a certificate of its own for each device, and revoke the one that they share."},
    only={"provider": "aws", "check": "DEVICE_CERTIFICATE_SHARED_CHECK"},
    passes=[{"open_resources": "", "age_days": 8}],
    fails=[{"open_resources": "0f1e2d", "age_days": 1}],
    open=[{"open_resources": "", "age_days": 9}],
    ignores=[{"check": "DEVICE_CERTIFICATE_KEY_QUALITY_CHECK"}],
)
def certificate_is_used_by_one_device(audits: Rows[AuditCheck], *, days: int = 8) -> Verdict:
    """No two devices connect with the same certificate.

    The registry shows what was planned; a copied key connects beside its owner. Device Defender's audit tells.
    """
    return clear(audits, days)


@check(
    severity="critical",
    serves=["aws-iot-cert-weak-key", "aws-iot-ca-weak-key"],
    remedy={"aws": "Issue new keys, then set the old certificate to REVOKED (a CA: INACTIVE)."},
    only={
        "provider": "aws",
        "check": ("DEVICE_CERTIFICATE_KEY_QUALITY_CHECK", "CA_CERTIFICATE_KEY_QUALITY_CHECK"),
    },
    passes=[{"open_resources": "", "age_days": 8}],
    fails=[
        {"open_resources": "0f1e2d", "age_days": 1},
        {"open_resources": "ca0b1c", "age_days": 1, "check": "CA_CERTIFICATE_KEY_QUALITY_CHECK"},
    ],
    open=[{"open_resources": "", "age_days": 9}],
    ignores=[{"check": "DEVICE_CERTIFICATE_SHARED_CHECK"}],
)
def audit_finds_no_weak_key(audits: Rows[AuditCheck], *, days: int = 8) -> Verdict:
    """Device Defender's audit finds no certificate with a weak key.

    It also knows keys of generators that are broken in ways no single certificate shows.
    """
    return clear(audits, days)


@check(
    severity="high",
    serves=["aws-iot-client-id-conflict"],
    remedy={"aws": "Register each device as a thing and bind its client id to the thing's name."},
    only={"provider": "aws", "check": "CONFLICTING_CLIENT_IDS_CHECK"},
    passes=[{"open_resources": "", "age_days": 8}],
    fails=[{"open_resources": "meter-17", "age_days": 1}],
    open=[{"open_resources": "", "age_days": 9}],
    ignores=[{"check": "DEVICE_CERTIFICATE_SHARED_CHECK"}],
)
def client_id_belongs_to_one_device(audits: Rows[AuditCheck], *, days: int = 8) -> Verdict:
    """No two devices connect with the same client id.

    They disconnect each other in turn: one is a clone, or somebody tries to take the other over. Device Defender's
    audit tells.
    """
    return clear(audits, days)
