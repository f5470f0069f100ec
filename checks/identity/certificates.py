"""Certificates of devices: each has a strong key, an owner, an end, and is on no revocation list."""

from __future__ import annotations

from checks.check import check
from collectors.schema import Rows, Verdict
from collectors.tables.access import Principal
from collectors.tables.device import Certificate


@check(
    severity="critical",
    serves=["aws-iot-cert-shared-across-things"],
    remedy={"aws": "Issue one certificate per device and attach it with the thing principal type EXCLUSIVE_THING."},
    command={
        "aws": (
            "aws iot attach-thing-principal --region {region} --thing-name YOUR_THING"
            " --principal YOUR_NEW_CERTIFICATE_ARN --thing-principal-type EXCLUSIVE_THING"
        ),
    },
    only={"provider": "aws", "kind": "device", "active": True},
    passes=[{"things": 1}, {"things": 0}],
    fails=[{"things": 2}],
    ignores=[{"kind": "authority"}, {"active": False}],
)
def certificate_belongs_to_one_thing(certificates: Rows[Certificate]) -> Verdict:
    """A device certificate is attached to one thing at most.

    A certificate on several things is a cloned credential: it cannot be revoked for one device.
    """
    return certificates["things"] <= 1


@check(
    severity="critical",
    serves=["aws-iot-cert-weak-key", "aws-iot-ca-weak-key"],
    remedy={
        "aws": "Issue new keys of RSA 2048 or P-256 at least, then set the old certificate to REVOKED (a CA: INACTIVE).",
        "": "Issue new keys of RSA 2048 or P-256 at least and withdraw the old certificate.",
    },
    command={
        "aws device": (
            "aws iot update-certificate --region {region} --certificate-id {resource.id} --new-status INACTIVE"
        ),
        "aws authority": (
            "aws iot update-ca-certificate --region {region} --certificate-id {resource.id} --new-status INACTIVE"
        ),
    },
    only={"active": True},
    passes=[{"weak_key": False}],
    fails=[{"weak_key": True}],
    ignores=[{"active": False}],
)
def certificate_has_a_strong_key(certificates: Rows[Certificate]) -> Verdict:
    """A trusted certificate has a strong key and signature.

    A key that is short, or made by a broken generator, can be computed from the certificate; a SHA-1 signature forged.
    """
    return ~certificates["weak_key"]


@check(
    severity="medium",
    controls=["ISVS 2.4.3"],
    remedy="Find out what the entry is, and replace it with a certificate that standard tools can read.",
    only={"active": True},
    passes=[{"parseable": True}],
    fails=[{"parseable": False}],
    ignores=[{"active": False}],
)
def certificate_can_be_read(certificates: Rows[Certificate]) -> Verdict:
    """A trusted certificate is an X.509 certificate that can be parsed.

    What cannot be read cannot be judged: its key, its end and its issuer stay unknown, and yet it lets a device in.
    """
    return certificates["parseable"]


@check(
    severity="medium",
    serves=["aws-iot-cert-expiring", "aws-iot-ca-expiring", "gcp-clearblade-registry-ca-expiring"],
    remedy="Roll to the successor before the certificate ends, through the provisioning that is in place.",
    only={"provider": ("aws", "gcp", "clearblade"), "active": True},
    passes=[{"expires_in_days": 30}, {"expires_in_days": 365}],
    fails=[{"expires_in_days": 29}, {"expires_in_days": -1}],
    ignores=[{"active": False}],
)
def certificate_has_a_month_left(certificates: Rows[Certificate], *, days: int = 30) -> Verdict:
    """A trusted certificate is valid for another month.

    When it ends, devices drop off, or operators extend trust in a hurry.
    """
    return certificates["expires_in_days"] >= days


@check(
    severity="medium",
    serves=["aws-iot-cert-active-unattached"],
    remedy={"aws": "Attach the certificate to its thing, or revoke it."},
    command={
        "aws": ("aws iot attach-thing-principal --region {region} --thing-name YOUR_THING --principal {resource}"),
    },
    only={"provider": "aws", "kind": "device", "active": True, "claim": False},
    passes=[{"things": 1, "policies": 1}, {"things": 0, "policies": 0}],
    fails=[{"things": 0, "policies": 1}],
    ignores=[{"kind": "authority"}, {"active": False}, {"claim": True}],
)
def working_certificate_has_a_thing(certificates: Rows[Certificate]) -> Verdict:
    """A certificate that can do something belongs to a thing.

    An orphan credential works outside the inventory.
    """
    return (certificates["things"] > 0) | (certificates["policies"] == 0)


@check(
    severity="low",
    controls=["ISVS 1.5.3"],
    remedy={"aws": "Revoke the certificate, or give its device the policy it needs."},
    only={"provider": "aws"},
    passes=[{"policies": "Meter", "group_policies": ""}, {"policies": "", "group_policies": "sites: Doors"}],
    fails=[{"policies": "", "group_policies": ""}],
)
def active_certificate_has_a_policy(principals: Rows[Principal]) -> Verdict:
    """An active certificate has a policy, its own or one of a thing group.

    One without may do nothing today, is missed by every review of rights, and works again with the next policy it gets.
    """
    return (principals["policies"] != "") | (principals["group_policies"] != "")


@check(
    severity="low",
    serves=["aws-iot-cert-too-old"],
    remedy={"aws": "Rotate device certificates with a scheduled job or fleet provisioning."},
    only={"provider": "aws", "kind": "device", "active": True},
    passes=[{"age_days": 364}],
    fails=[{"age_days": 365}],
    ignores=[{"kind": "authority"}, {"active": False}],
)
def certificate_is_rotated_yearly(certificates: Rows[Certificate], *, days: int = 365) -> Verdict:
    """A device certificate was registered within the last year.

    The longer one key pair serves, the longer a copy of it is worth something.
    """
    return certificates["age_days"] < days


@check(
    severity="high",
    serves=["aws-iot-cert-revoked-by-issuer-active"],
    remedy={"aws": "Set the certificate to REVOKED and detach its policies."},
    only={"provider": "aws", "kind": "device", "active": True, "revocation_list": True},
    passes=[{"revoked": False}],
    fails=[{"revoked": True}],
    ignores=[{"kind": "authority"}, {"active": False}, {"revocation_list": False}],
)
def certificate_is_on_no_revocation_list(certificates: Rows[Certificate]) -> Verdict:
    """A trusted device certificate is on no revocation list, nor is a CA that signed it.

    AWS IoT does not look at revocation lists by itself: a device known to be lost still connects. Only certificates
    whose issuer's list was read are judged.
    """
    return ~certificates["revoked"]
