"""Key management: keys of the backend are rotated, private, and not written into configuration."""

from __future__ import annotations

from checks.check import check
from checks.command import TOPIC_RULE
from collectors.schema import Rows, Verdict
from collectors.tables.data import Key, Route
from collectors.tables.device import IssuingAuthority
from collectors.tables.fleet import Registry
from collectors.tables.rule_targets import Secret


@check(
    severity="medium",
    serves=["aws-kms-iot-key-rotation", "gcp-kms-iot-key-rotation"],
    remedy={"aws": "Enable automatic rotation of the key.", "gcp": "Set a rotation period of 90 days on the key."},
    command={
        "aws": "aws kms enable-key-rotation --region {region} --key-id {resource.id}",
        "gcp": ("gcloud kms keys update {resource.path} --rotation-period=90d --next-rotation-time=YOUR_NEXT_TIME"),
    },
    only={"customer_managed": True, "enabled": True, "rotatable": True},
    passes=[{"rotates": True}],
    fails=[{"rotates": False}],
    ignores=[{"customer_managed": False}, {"enabled": False}, {"rotatable": False}],
)
def key_rotates(keys: Rows[Key]) -> Verdict:
    """A key that the provider can rotate is rotated.

    The longer key material serves, the more it protects when it is lost.
    """
    return keys["rotates"]


@check(
    severity="medium",
    serves=["gcp-kms-iot-key-rotation"],
    remedy={"gcp": "Set the rotation period to 90 days."},
    command={
        "gcp": ("gcloud kms keys update {resource.path} --rotation-period=90d --next-rotation-time=YOUR_NEXT_TIME"),
    },
    only={"provider": "gcp", "enabled": True, "rotates": True},
    passes=[{"rotation_days": 90}],
    fails=[{"rotation_days": 91}],
    ignores=[{"enabled": False}, {"rotates": False}],
)
def key_rotates_every_quarter(keys: Rows[Key], *, days: int = 90) -> Verdict:
    """A key that is rotated is rotated every 90 days.

    A period of years is rotation in name only.
    """
    return keys["rotation_days"] <= days


@check(
    severity="critical",
    serves=["gcp-kms-public"],
    remedy={"gcp": "Remove allUsers and allAuthenticatedUsers from the key and its key ring."},
    command={
        "gcp": (
            "gcloud kms keys remove-iam-policy-binding {resource.path} --member=YOUR_PUBLIC_MEMBER --role=YOUR_ROLE"
        ),
    },
    only={"provider": "gcp"},
    passes=[{"public": False}],
    fails=[{"public": True}],
)
def key_is_not_public(keys: Rows[Key]) -> Verdict:
    """No key is usable by everybody.

    Anybody could decrypt device data, or sign in the backend's name.
    """
    return ~keys["public"]


@check(
    severity="high",
    serves=["gcp-firmware-signing-key-software"],
    remedy={"gcp": "Sign firmware with an HSM key that one pipeline identity may use."},
    command={
        "gcp": (
            "gcloud kms keys create {resource.keyring}/cryptoKeys/YOUR_NEW_KEY --purpose=asymmetric-signing"
            " --default-algorithm=ec-sign-p256-sha256 --protection-level=hsm"
        ),
    },
    only={"provider": "gcp", "signs_firmware": True},
    passes=[{"hardware": True, "imported": False, "signers": 3}],
    fails=[
        {"hardware": False, "imported": False, "signers": 1},
        {"hardware": True, "imported": True, "signers": 1},
        {"hardware": True, "imported": False, "signers": 4},
    ],
    ignores=[{"signs_firmware": False}],
)
def firmware_key_is_in_hardware_and_in_few_hands(keys: Rows[Key], *, most: int = 3) -> Verdict:
    """A firmware signing key was made in hardware, and three identities at most sign with it.

    Who has this key decides what runs on every device.
    """
    return keys["hardware"] & ~keys["imported"] & (keys["signers"] <= most)


@check(
    severity="high",
    serves=["aws-iot-rule-static-secret"],
    remedy={"aws": "Move the secret to Secrets Manager and read it with get_secret() in the rule."},
    command={"aws": TOPIC_RULE},
    severity_when={"medium": {"kind": "salesforce"}},
    only={"provider": "aws"},
    passes=[{"static_secret": False}],
    fails=[{"static_secret": True, "kind": "http"}, {"static_secret": True, "kind": "salesforce"}],
)
def rule_carries_no_secret(routes: Rows[Route]) -> Verdict:
    """A rule action carries no literal secret.

    Whoever may read the rule reads the credential of the system behind it.
    """
    return ~routes["static_secret"]


@check(
    severity="low",
    serves=["aws-iot-core-encryption-unhealthy"],
    remedy={"aws": "Repair the key's policy and state, and the role by which AWS IoT uses it."},
    severity_when={"high": {"customer_key": True, "key_usable": False}},
    only={"provider": "aws"},
    passes=[{"customer_key": True, "key_usable": True}, {"customer_key": False, "key_usable": False}],
    fails=[{"customer_key": True, "key_usable": False}],
    open=[{"customer_key": True, "key_usable": None}],
)
def registry_key_works(registries: Rows[Registry]) -> Verdict:
    """The customer's key for the device registry, if there is one, works.

    With a key that is disabled or out of reach, the registry's data can no longer be read by anyone.
    """
    return ~registries["customer_key"] | registries["key_usable"]


@check(
    severity="low",
    profile="cmk-required",
    serves=["aws-iot-core-encryption-unhealthy"],
    remedy={"aws": "Call UpdateEncryptionConfiguration with CUSTOMER_MANAGED_KMS_KEY."},
    command={
        "aws": (
            "aws iot update-encryption-configuration --region {region}"
            " --encryption-type CUSTOMER_MANAGED_KMS_KEY --kms-key-arn YOUR_KEY_ARN --kms-access-role-arn YOUR_ROLE_ARN"
        ),
    },
    only={"provider": "aws"},
    passes=[{"customer_key": True}],
    fails=[{"customer_key": False}],
)
def registry_has_a_customer_key(registries: Rows[Registry]) -> Verdict:
    """The device registry is encrypted with a key of the customer.

    It is always encrypted; only a key of one's own can be withdrawn.
    """
    return registries["customer_key"]


@check(
    severity="high",
    serves=["aws-acmpca-iot-revocation-off"],
    remedy={"aws": "Enable a CRL with the distribution point extension, or OCSP, on the private CA."},
    command={
        "aws": (
            "aws acm-pca update-certificate-authority --region {region}"
            " --certificate-authority-arn {resource} --revocation-configuration OcspConfiguration={Enabled=true}"
        ),
    },
    only={"provider": "aws", "active": True, "short_lived": False, "registered": True},
    passes=[{"publishes_revocation": True}],
    fails=[{"publishes_revocation": False}],
    ignores=[{"active": False}, {"short_lived": True}, {"registered": False}],
)
def issuing_authority_publishes_revocation(authorities: Rows[IssuingAuthority]) -> Verdict:
    """A private CA behind device certificates publishes what it revokes.

    Otherwise a leaked device key cannot be revoked at its issuer, and revocation audits stay blind.
    """
    return authorities["publishes_revocation"]


@check(
    severity="low",
    controls=["ISVS 2.1.13", "NIST-CSF-2.0 PR.AA-01", "ETSI-EN-303-645 5.5-8"],
    remedy={"aws": "Set up rotation of the secret, or replace its value and that of the system it opens."},
    command={
        "aws": (
            "aws secretsmanager rotate-secret --region {resource.region} --secret-id {name} --rotation-lambda-arn"
            " YOUR_FUNCTION_ARN --rotation-rules AutomaticallyAfterDays=90 --no-rotate-immediately"
        ),
    },
    only={"provider": "aws"},
    passes=[{"rotates": True, "changed_days": 400}, {"rotates": False, "changed_days": 90}],
    fails=[{"rotates": False, "changed_days": 91}],
)
def secret_of_rules_is_rotated(secrets: Rows[Secret], *, days: int = 90) -> Verdict:
    """A secret that rules use is rotated, or was changed in the last 90 days.

    The longer it serves, the more people and copies know it.
    """
    return secrets["rotates"] | (secrets["changed_days"] <= days)
