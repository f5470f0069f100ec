"""Device identity and credentials: every device proves who it is with a credential of its own that can be withdrawn."""

from __future__ import annotations

import json

from checks.check import check, proven
from checks.command import ROLE_POLICY
from checks.policy.app import too_much_for_a_guest, too_much_for_a_user
from checks.policy.device import acts_on_others, connects_as_anyone, listens_to_others, publishes_for_others
from checks.policy.document import answer, holds
from checks.policy.enrolment import exceeds_a_claim
from collectors.schema import Rows, Verdict
from collectors.tables.access import Principal
from collectors.tables.around import PoolRole, UserPool
from collectors.tables.device import Certificate, Device
from collectors.tables.fleet import AuditCheck, Authorizer, Claim, ProvisioningTemplate
from collectors.tables.hub import Hub

REGISTRIES = ("gcp", "clearblade")


@check(
    severity="critical",
    serves=["azure-iothub-shared-thumbprint", "gcp-clearblade-device-shared-key"],
    remedy="Issue every device a key pair of its own and revoke the shared one.",
    only={
        "provider": ("azure", *REGISTRIES),
        "enabled": True,
        "auth": ("authority", "self-signed", "public-key"),
    },
    passes=[{"sharers": 0}],
    fails=[{"sharers": 1}],
)
def device_has_a_credential_of_its_own(devices: Rows[Device]) -> Verdict:
    """No other device holds this device's key or certificate.

    A shared credential is a cloned identity: one stolen device speaks for all, and none can be locked out alone.
    """
    return devices["sharers"] == 0


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
)
def certificate_can_be_read(certificates: Rows[Certificate]) -> Verdict:
    """A trusted certificate is an X.509 certificate that can be parsed.

    What cannot be read cannot be judged: its key, its end and its issuer stay unknown, and yet it lets a device in.
    """
    return certificates["parseable"]


@check(
    severity="high",
    serves=["gcp-clearblade-device-weak-key"],
    remedy="Replace the device's key with an ES256 key pair.",
    only={"provider": REGISTRIES, "enabled": True},
    passes=[{"weak_key": False}],
    fails=[{"weak_key": True}],
)
def device_has_a_strong_key(devices: Rows[Device]) -> Verdict:
    """The device's public keys are strong.

    With a weak key an attacker signs tokens in the device's name.
    """
    return ~devices["weak_key"]


@check(
    severity="medium",
    serves=["aws-iot-cert-expiring", "aws-iot-ca-expiring", "gcp-clearblade-registry-ca-expiring"],
    remedy="Roll to the successor before the certificate ends, through the provisioning that is in place.",
    only={"provider": ("aws", *REGISTRIES), "active": True},
    passes=[{"expires_in_days": 30}, {"expires_in_days": 365}],
    fails=[{"expires_in_days": 29}, {"expires_in_days": -1}],
)
def certificate_has_a_month_left(certificates: Rows[Certificate], *, days: int = 30) -> Verdict:
    """A trusted certificate is valid for another month.

    When it ends, devices drop off, or operators extend trust in a hurry.
    """
    return certificates["expires_in_days"] >= days


@check(
    severity="high",
    serves=["azure-iot-ca-cert-unverified-or-expiring"],
    remedy={"azure": "Prove possession of the CA, or roll to its successor before it ends."},
    severity_when={"medium": {"possession_verified": False}},
    only={"provider": "azure", "kind": "authority"},
    passes=[{"possession_verified": True, "expires_in_days": 90}],
    fails=[
        {"possession_verified": False, "expires_in_days": 90},
        {"possession_verified": True, "expires_in_days": 3},
    ],
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
)
def registry_trusts_only_its_authorities(hubs: Rows[Hub]) -> Verdict:
    """The registry accepts only device credentials that one of its CAs signed.

    Without a CA, whoever may provision can enrol any key at all.
    """
    return hubs["authorities"] > 0


@check(
    severity="high",
    serves=["azure-iothub-device-auth-none"],
    remedy={"azure": "Give the device an X.509 credential or disable it."},
    command={
        "azure": (
            "az iot hub device-identity update --subscription {account} --hub-name {hub.id}"
            " --device-id {name} --set status=disabled"
        ),
    },
    only={"provider": "azure", "enabled": True},
    passes=[{"auth": "authority"}],
    fails=[{"auth": "none"}],
)
def device_proves_who_it_is(devices: Rows[Device]) -> Verdict:
    """The device has a credential.

    An identity without a credential is anybody's.
    """
    return devices["auth"] != "none"


@check(
    severity="medium",
    serves=["azure-iothub-device-symmetric-keys"],
    remedy={"azure": "Move the device to X.509 or TPM attestation through the Device Provisioning Service."},
    only={"provider": "azure", "enabled": True},
    passes=[{"auth": "authority"}, {"auth": "self-signed"}],
    fails=[{"auth": "symmetric-key"}],
)
def device_uses_no_symmetric_key(devices: Rows[Device]) -> Verdict:
    """The device authenticates with a certificate, not with a symmetric key.

    A symmetric key lies on the device and in the cloud, and is easily copied from either.
    """
    return devices["auth"] != "symmetric-key"


@check(
    severity="medium",
    serves=["azure-iothub-device-sas-allowed"],
    remedy={"azure": "Set disableDeviceSAS and disableModuleSAS: no device of this hub needs them."},
    command={
        "azure": (
            "az resource update --ids {resource} --set properties.disableDeviceSAS=true"
            " properties.disableModuleSAS=true"
        ),
    },
    only={"provider": "azure", "kind": "iot hub"},
    passes=[
        {"device_keys_allowed": False, "devices_using_keys": 0},
        {"device_keys_allowed": True, "devices_using_keys": 3},
    ],
    fails=[{"device_keys_allowed": True, "devices_using_keys": 0}],
)
def hub_without_key_devices_refuses_device_keys(hubs: Rows[Hub]) -> Verdict:
    """A hub on which no device uses a symmetric key refuses symmetric keys.

    The switch costs nothing there, and a shared secret added later would go unnoticed. A hub whose devices do use keys
    is judged device by device.
    """
    return ~hubs["device_keys_allowed"] | (hubs["devices_using_keys"] > 0)


@check(
    severity="low",
    serves=["azure-iothub-selfsigned-certs"],
    remedy={"azure": "Move devices to certificates of a registered CA, which can be withdrawn in one place."},
    only={"provider": "azure", "enabled": True},
    passes=[{"auth": "authority"}],
    fails=[{"auth": "self-signed"}],
)
def device_certificate_has_an_issuer(devices: Rows[Device]) -> Verdict:
    """The device's certificate is signed by an authority.

    Self-signed certificates have no chain, so there is no one place to withdraw them.
    """
    return devices["auth"] != "self-signed"


@check(
    severity="low",
    serves=["azure-iothub-stale-enabled-devices", "gcp-clearblade-device-stale"],
    remedy={"azure": "Disable or delete the identity.", "": "Block the device."},
    command={
        "azure": (
            "az iot hub device-identity update --subscription {account} --hub-name {hub.id}"
            " --device-id {name} --set status=disabled"
        ),
    },
    only={"provider": ("azure", *REGISTRIES), "enabled": True},
    passes=[
        {"silent_days": 3, "ever_connected": True},
        {"silent_days": 180, "ever_connected": True},
    ],
    fails=[{"silent_days": 181, "ever_connected": True}],
)
def silent_device_is_disabled(devices: Rows[Device], *, days: int = 180) -> Verdict:
    """A device that has been silent for half a year may not connect.

    Abandoned credentials are found by somebody else. A device that never connected is not called silent.
    """
    return (devices["silent_days"] <= days) | ~devices["ever_connected"]


@check(
    severity="medium",
    serves=["gcp-clearblade-device-credential-no-expiry"],
    remedy="Set expirationTime on the credential and rotate it; a device may hold three.",
    only={"provider": REGISTRIES, "enabled": True},
    passes=[{"credentials": 2, "expiring_credentials": 2}],
    fails=[{"credentials": 2, "expiring_credentials": 1}],
)
def device_credentials_end_some_day(devices: Rows[Device]) -> Verdict:
    """Every credential of the device ends at some date.

    A stolen key that never ends works for ever.
    """
    return devices["expiring_credentials"] == devices["credentials"]


@check(
    severity="low",
    serves=["gcp-clearblade-device-credentials-expired"],
    remedy="Block or delete the device, or give it a new credential.",
    only={"provider": REGISTRIES, "enabled": True},
    passes=[{"credentials": 2, "expired_credentials": 1}, {"credentials": 0, "expired_credentials": 0}],
    fails=[{"credentials": 2, "expired_credentials": 2}],
)
def device_with_dead_credentials_is_blocked(devices: Rows[Device]) -> Verdict:
    """A device whose credentials have all ended is blocked.

    A dead identity that is kept alive is waiting for a new key.
    """
    return (devices["credentials"] == 0) | (devices["expired_credentials"] < devices["credentials"])


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
)
def certificate_is_rotated_yearly(certificates: Rows[Certificate], *, days: int = 365) -> Verdict:
    """A device certificate was registered within the last year.

    The longer one key pair serves, the longer a copy of it is worth something.
    """
    return certificates["age_days"] < days


@check(
    severity="low",
    serves=["aws-iot-thing-multiple-active-certs"],
    remedy={"aws": "Deactivate the certificates that rotation left behind."},
    command={
        "aws": (
            "aws iot update-certificate --region {region} --certificate-id YOUR_OLD_CERTIFICATE_ID"
            " --new-status INACTIVE"
        ),
    },
    only={"provider": "aws"},
    passes=[{"active_certificates": 2}, {"active_certificates": 0}],
    fails=[{"active_certificates": 3}],
)
def thing_has_few_active_certificates(devices: Rows[Device], *, most: int = 2) -> Verdict:
    """A thing holds two active certificates at most.

    Old credentials that survive rotation undo it.
    """
    return devices["active_certificates"] <= most


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
)
def retired_authority_has_no_active_devices(certificates: Rows[Certificate]) -> Verdict:
    """No device still connects with a certificate of a deactivated CA.

    Deactivating a CA only stops new registrations: the devices it signed keep connecting.
    """
    return certificates["active_devices"] == 0


@check(
    severity="high",
    serves=["aws-iot-ca-auto-registration-open"],
    remedy={"aws": "Switch auto-registration off, or bind a provisioning template or a rule that checks each device."},
    command={
        "aws": (
            "aws iot update-ca-certificate --region {region} --certificate-id {resource.id}"
            " --new-auto-registration-status DISABLE"
        ),
    },
    only={"provider": "aws", "kind": "authority", "active": True},
    passes=[
        {"auto_registers": False, "registration_vetted": False},
        {"auto_registers": True, "registration_vetted": True},
    ],
    fails=[{"auto_registers": True, "registration_vetted": False}],
)
def auto_registration_is_vetted(certificates: Rows[Certificate]) -> Verdict:
    """A CA that registers unknown devices has something that vets them.

    Otherwise any holder of a key under the CA becomes a registered device.
    """
    return ~certificates["auto_registers"] | certificates["registration_vetted"]


@check(
    severity="high",
    serves=["gcp-clearblade-gateway-association-only"],
    remedy="Set gatewayAuthMethod to ASSOCIATION_AND_DEVICE_AUTH_TOKEN.",
    only={"provider": REGISTRIES, "edge": True},
    passes=[{"gateway_auth": "ASSOCIATION_AND_DEVICE_AUTH_TOKEN"}, {"gateway_auth": "DEVICE_AUTH_TOKEN_ONLY"}],
    fails=[{"gateway_auth": "ASSOCIATION_ONLY"}, {"gateway_auth": "GATEWAY_AUTH_METHOD_UNSPECIFIED"}],
)
def gateway_checks_the_devices_behind_it(devices: Rows[Device]) -> Verdict:
    """A gateway speaks only for devices that prove who they are.

    With association alone, a rogue device behind the gateway is trusted because it is there.
    """
    return (devices["gateway_auth"] == "ASSOCIATION_AND_DEVICE_AUTH_TOKEN") | (
        devices["gateway_auth"] == "DEVICE_AUTH_TOKEN_ONLY"
    )


@check(
    severity="high",
    serves=["aws-iot-authorizer-signing-disabled"],
    remedy={"aws": "Create the authorizer anew with signing enabled and a public key of RSA 2048 at least."},
    command={
        "aws": (
            "aws iot create-authorizer --region {region} --authorizer-name YOUR_NEW_NAME"
            " --authorizer-function-arn YOUR_FUNCTION_ARN --token-key-name YOUR_TOKEN_HEADER"
            " --token-signing-public-keys file://YOUR_PUBLIC_KEYS.json --no-signing-disabled --status ACTIVE"
        ),
    },
    only={"provider": "aws"},
    passes=[{"verifies_tokens": True, "signing_keys": 1}],
    fails=[{"verifies_tokens": False, "signing_keys": 0}],
)
def authorizer_verifies_tokens(authorizers: Rows[Authorizer]) -> Verdict:
    """A custom authorizer accepts only tokens whose signature AWS IoT verified.

    Otherwise anybody can make the function run, and whether a token is genuine rests on its code alone.
    """
    return authorizers["verifies_tokens"] & proven(authorizers["signing_keys"] > 0)


@check(
    severity="high",
    serves=["aws-iot-provisioning-template-no-hook"],
    remedy={"aws": "Add a pre-provisioning hook that checks the serial number against an allow-list."},
    command={
        "aws": (
            "aws iot update-provisioning-template --region {region} --template-name {name}"
            " --pre-provisioning-hook payloadVersion=2020-04-01,targetArn=YOUR_FUNCTION_ARN"
        ),
    },
    only={"provider": "aws", "kind": "fleet provisioning", "enabled": True},
    passes=[{"hooked": True}],
    fails=[{"hooked": False}],
)
def provisioning_asks_a_hook(templates: Rows[ProvisioningTemplate]) -> Verdict:
    """A fleet-provisioning template asks a hook about each device.

    Without one, whoever holds a claim's key enrols as many devices as they like.
    """
    return templates["hooked"]


def broad(documents: str) -> bool:
    """Whether one of several policies lets a device act as others. Raises ``ValueError`` when none does for certain."""
    answers = [
        answer(question, document if isinstance(document, str) else json.dumps(document))
        for document in json.loads(documents)
        for question in (connects_as_anyone, publishes_for_others, listens_to_others, acts_on_others)
    ]
    if None in answers and True not in answers:
        raise ValueError("a document cannot be judged")
    return True in answers


NARROW = (
    '[{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "iot:Connect",'
    ' "Resource": "arn:aws:iot:eu-west-1:123456789012:client/${iot:CertificateId}"}}]'
)
WIDE = '[{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "iot:*", "Resource": "*"}}]'


@check(
    severity="critical",
    serves=["aws-iot-provisioning-template-policy-permissive"],
    remedy={"aws": "Use thing policy variables in the policy that the template hands out."},
    command={
        "aws": (
            "aws iot create-provisioning-template-version --region {region} --template-name {name}"
            " --template-body file://YOUR_TEMPLATE.json --set-as-default"
        ),
        "aws ca registration": (
            "aws iot update-ca-certificate --region {region} --certificate-id {resource.id}"
            " --registration-config file://YOUR_REGISTRATION_CONFIG.json"
        ),
    },
    only={"provider": "aws"},
    passes=[{"documents": NARROW, "settled": True}, {"documents": "[]", "settled": True}],
    fails=[{"documents": WIDE, "settled": True}, {"documents": WIDE, "settled": False}],
)
def provisioning_hands_out_narrow_policies(templates: Rows[ProvisioningTemplate]) -> Verdict:
    """A provisioning template gives a new device rights over itself only.

    One flaw in a template is repeated in every device that it makes.
    """
    return ~holds(templates["documents"], broad) & proven(templates["settled"])


CLAIM = (
    '[{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:Connect", "Resource": "*"},'
    ' {"Effect": "Allow", "Action": "iot:Publish", "Resource": ['
    '"arn:aws:iot:eu-west-1:123456789012:topic/$aws/certificates/create/*",'
    ' "arn:aws:iot:eu-west-1:123456789012:topic/$aws/provisioning-templates/meters/provision/*"]}]}]'
)


@check(
    severity="high",
    serves=["aws-iot-claim-cert-policy-excess"],
    remedy={"aws": "Give claims a policy of their own that names one template, and a new claim to every batch."},
    command={
        "aws": ("aws iot detach-policy --region {region} --policy-name YOUR_TOO_WIDE_POLICY --target {resource}"),
    },
    only={"provider": "aws", "active": True, "things": 0},
    passes=[{"documents": CLAIM}],
    fails=[{"documents": CLAIM.replace("meters", "*")}, {"documents": WIDE}],
)
def claim_can_only_provision(claims: Rows[Claim]) -> Verdict:
    """The certificate of a provisioning claim can do nothing but provision, by one template.

    Its key lies in every device of a production batch, so whatever it may do, any owner of one device may do.
    """
    return ~holds(claims["documents"], exceeds_a_claim)


def clear(audits: Rows[AuditCheck], days: int) -> Verdict:
    """Whether a recent audit found nothing; an old one that found nothing proves nothing."""
    return (audits["open_resources"] == "") & proven(audits["age_days"] <= days)


AUDITED = (
    {"open_resources": "", "age_days": 1, "lists_answered": False},
    {"open_resources": "", "age_days": 9, "lists_answered": True},
)
NAMED = ({"open_resources": "0f1e2d", "age_days": 1, "lists_answered": False},)


@check(
    severity="critical",
    serves=["aws-iot-ca-revoked-active"],
    remedy={"aws": "Set the CA certificate to INACTIVE and review every certificate that it signed."},
    only={"provider": "aws", "kind": "authority", "active": True, "revocation_list": True},
    passes=[{"revoked": False}],
    fails=[{"revoked": True}],
)
def authority_is_on_no_revocation_list(certificates: Rows[Certificate]) -> Verdict:
    """An active CA is on no revocation list of the CAs above it.

    Every certificate it signs is still trusted, whoever holds its key. Only CAs whose issuer's list was read are judged.
    """
    return ~certificates["revoked"]


@check(
    severity="high",
    serves=["aws-iot-cert-revoked-by-issuer-active"],
    remedy={"aws": "Set the certificate to REVOKED and detach its policies."},
    only={"provider": "aws", "kind": "device", "active": True, "revocation_list": True},
    passes=[{"revoked": False}],
    fails=[{"revoked": True}],
)
def certificate_is_on_no_revocation_list(certificates: Rows[Certificate]) -> Verdict:
    """A trusted device certificate is on no revocation list, nor is a CA that signed it.

    AWS IoT does not look at revocation lists by itself: a device known to be lost still connects. Only certificates
    whose issuer's list was read are judged.
    """
    return ~certificates["revoked"]


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
    fails=NAMED,
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
    passes=[{"open_resources": "", "age_days": 1}],
    fails=[{"open_resources": "0f1e2d", "age_days": 1}],
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
    passes=[{"open_resources": "", "age_days": 1}],
    fails=[{"open_resources": "0f1e2d", "age_days": 1}],
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
    passes=[{"open_resources": "", "age_days": 1}],
    fails=[{"open_resources": "meter-17", "age_days": 1}],
)
def client_id_belongs_to_one_device(audits: Rows[AuditCheck], *, days: int = 8) -> Verdict:
    """No two devices connect with the same client id.

    They disconnect each other in turn: one is a clone, or somebody tries to take the other over. Device Defender's
    audit tells.
    """
    return clear(audits, days)


@check(
    severity="critical",
    serves=["aws-cognito-unauth-iot-access"],
    remedy={"aws": "Turn guests off, or bind the role's resources to ${cognito-identity.amazonaws.com:sub}."},
    command={"aws": ROLE_POLICY},
    only={"provider": "aws", "identities": "guests"},
    passes=[
        {"handed_out": False, "documents": '[{"Statement": {"Effect": "Allow", "Action": "iot:*", "Resource": "*"}}]'},
        {"handed_out": True, "documents": '[{"Statement": {"Effect": "Allow", "Action": "iot:Publish", "Resource": "arn:aws:iot:r:a:topic/app/${cognito-identity.amazonaws.com:sub}"}}]'},
        {"handed_out": True, "documents": '[{"Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}}]'},
    ],
    fails=[
        {"handed_out": True, "documents": '[{"Statement": {"Effect": "Allow", "Action": "iot:Publish", "Resource": "*"}}]'},
        {"handed_out": True, "documents": '[{"Statement": {"Effect": "Allow", "Action": "iot:UpdateThing", "Resource": "arn:aws:iot:r:a:thing/demo"}}]'},
    ],
)  # fmt: skip
def guests_reach_no_devices(roles: Rows[PoolRole]) -> Verdict:
    """Guests of an app reach nothing in AWS IoT but what is bound to their own identity.

    Otherwise no login stands between the internet and the devices.
    """
    return ~(roles["handed_out"] & holds(roles["documents"], too_much_for_a_guest))


@check(
    severity="high",
    serves=["aws-cognito-auth-iot-permissive"],
    remedy={"aws": "Move administration to an identity pool and role of its own, and name things in what is read."},
    command={"aws": ROLE_POLICY},
    only={"provider": "aws", "identities": "signed-in users"},
    passes=[
        {"documents": '[{"Statement": {"Effect": "Allow", "Action": "iot:Publish", "Resource": "*"}}]'},
        {"documents": '[{"Statement": {"Effect": "Allow", "Action": "iot:DescribeThing", "Resource": "arn:aws:iot:r:a:thing/MyThing*"}}]'},
    ],
    fails=[
        {"documents": '[{"Statement": {"Effect": "Allow", "Action": "iot:AttachPolicy", "Resource": "*"}}]'},
        {"documents": '[{"Statement": {"Effect": "Allow", "Action": "iot:DescribeThing", "Resource": "arn:aws:iot:r:a:thing/*"}}]'},
        {"documents": '[{"Statement": {"Effect": "Allow", "Action": "iot:*", "Resource": "*"}}]'},
    ],
)  # fmt: skip
def app_users_administer_no_devices(roles: Rows[PoolRole]) -> Verdict:
    """Signed-in users of an app neither administer AWS IoT nor read about every thing.

    Otherwise one user of the app is the operator of the fleet.
    """
    return ~holds(roles["documents"], too_much_for_a_user)


@check(
    severity="medium",
    serves=["aws-cognito-userpool-iot-weak-login"],
    remedy={"aws": "Ask for passwords of 12 characters and a second factor, and turn threat protection on."},
    only={"provider": "aws", "iot": True},
    passes=[
        {"passwords": True, "password_length": 12, "mfa": "OPTIONAL", "threat_protection": "ENFORCED"},
        {"passwords": False, "password_length": 8, "mfa": "ON", "threat_protection": "AUDIT"},
    ],
    fails=[
        {"passwords": True, "password_length": 8, "mfa": "ON", "threat_protection": "ENFORCED"},
        {"passwords": True, "password_length": 12, "mfa": "OFF", "threat_protection": "ENFORCED"},
        {"passwords": True, "password_length": 12, "mfa": "ON", "threat_protection": "OFF"},
    ],
)
def app_users_sign_in_strongly(pools: Rows[UserPool], *, length: int = 12) -> Verdict:
    """Users of an app that reaches devices sign in with long passwords and a second factor.

    Where passwords are guessed unhindered, guessing one is enough to drive that user's devices.
    """
    long = ~pools["passwords"] | (pools["password_length"] >= length)
    return long & (pools["mfa"] != "OFF") & (pools["threat_protection"] != "OFF")
