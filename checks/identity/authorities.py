"""Authorities that sign device certificates, and the registries that trust them."""

from __future__ import annotations

from checks.check import check
from collectors.schema import Rows, Verdict
from collectors.tables.device import Certificate
from collectors.tables.hub import Hub


@check(
    severity="high",
    serves=["azure-iot-ca-cert-unverified-or-expiring"],
    remedy={"azure": "Prove possession of the CA, or roll to its successor before it ends."},
    severity_when={"medium": {"possession_verified": False}},
    only={"provider": "azure", "kind": "authority"},
    passes=[{"possession_verified": True, "expires_in_days": 30}],
    fails=[
        {"possession_verified": False, "expires_in_days": 90},
        {"possession_verified": True, "expires_in_days": 29},
    ],
    ignores=[{"kind": "device"}],
)
def authority_is_verified_and_current(certificates: Rows[Certificate], *, days: int = 30) -> Verdict:
    """A registered CA is verified and valid for another month.

    A CA nobody proved to own is refused, one that ends takes the fleet down: both are noticed too late.
    """
    return certificates["possession_verified"] & (certificates["expires_in_days"] >= days)


@check(
    severity="high",
    serves=["gcp-clearblade-registry-no-ca"],
    remedy="Register a CA certificate with the registry and move devices to X.509 credentials signed by it.",
    only={"kind": "registry"},
    passes=[{"authorities": 1}],
    fails=[{"authorities": 0}],
    ignores=[{"kind": "iot hub"}],
)
def registry_trusts_only_its_authorities(hubs: Rows[Hub]) -> Verdict:
    """The registry accepts only device credentials that one of its CAs signed.

    Without a CA, whoever may provision can enrol any key at all.
    """
    return hubs["authorities"] > 0


@check(
    severity="high",
    serves=["aws-iot-ca-inactive-with-active-devices"],
    remedy={"aws": "Issue new certificates under the successor CA and revoke those of the retired one."},
    command={
        "aws": (
            "aws iot update-certificate --region {region} --certificate-id YOUR_OLD_CERTIFICATE_ID --new-status REVOKED"
        ),
    },
    only={"provider": "aws", "kind": "authority", "active": False},
    passes=[{"active_devices": 0}],
    fails=[{"active_devices": 12}],
    ignores=[{"kind": "device"}, {"active": True}],
)
def retired_authority_has_no_active_devices(certificates: Rows[Certificate]) -> Verdict:
    """No device still connects with a certificate of a deactivated CA.

    Deactivating a CA only stops new registrations: the devices it signed keep connecting.
    """
    return certificates["active_devices"] == 0


@check(
    severity="critical",
    serves=["aws-iot-ca-revoked-active"],
    remedy={"aws": "Set the CA certificate to INACTIVE and review every certificate that it signed."},
    only={"provider": "aws", "kind": "authority", "active": True, "revocation_list": True},
    passes=[{"revoked": False}],
    fails=[{"revoked": True}],
    ignores=[{"kind": "device"}, {"active": False}, {"revocation_list": False}],
)
def authority_is_on_no_revocation_list(certificates: Rows[Certificate]) -> Verdict:
    """An active CA is on no revocation list of the CAs above it.

    Every certificate it signs is still trusted, whoever holds its key. Only CAs whose issuer's list was read are judged.
    """
    return ~certificates["revoked"]
