"""Devices: each proves who it is with a credential of its own that ends and can be withdrawn."""

from __future__ import annotations

from checks.check import check
from collectors.schema import Rows, Verdict
from collectors.tables.device import Device
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
    fails=[{"sharers": 1}, {"sharers": 1, "auth": "self-signed"}, {"sharers": 1, "auth": "public-key"}],
    ignores=[{"enabled": False}, {"auth": "symmetric-key"}],
)
def device_has_a_credential_of_its_own(devices: Rows[Device]) -> Verdict:
    """No other device holds this device's key or certificate.

    A shared credential is a cloned identity: one stolen device speaks for all, and none can be locked out alone.
    """
    return devices["sharers"] == 0


@check(
    severity="high",
    serves=["gcp-clearblade-device-weak-key"],
    remedy="Replace the device's key with an ES256 key pair.",
    only={"provider": REGISTRIES, "enabled": True},
    passes=[{"weak_key": False}],
    fails=[{"weak_key": True}],
    ignores=[{"enabled": False}],
)
def device_has_a_strong_key(devices: Rows[Device]) -> Verdict:
    """The device's public keys are strong.

    With a weak key an attacker signs tokens in the device's name.
    """
    return ~devices["weak_key"]


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
    ignores=[{"enabled": False}],
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
    ignores=[{"enabled": False}],
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
        {"device_keys_allowed": True, "devices_using_keys": 1},
    ],
    fails=[{"device_keys_allowed": True, "devices_using_keys": 0}],
    ignores=[{"kind": "provisioning service"}],
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
    ignores=[{"enabled": False}],
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
        {"silent_days": 180, "ever_connected": True},
        {"silent_days": None, "ever_connected": False},
    ],
    fails=[{"silent_days": 181, "ever_connected": True}],
    ignores=[{"enabled": False}],
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
    ignores=[{"enabled": False}],
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
    ignores=[{"enabled": False}],
)
def device_with_dead_credentials_is_blocked(devices: Rows[Device]) -> Verdict:
    """A device whose credentials have all ended is blocked.

    A dead identity that is kept alive is waiting for a new key.
    """
    return (devices["credentials"] == 0) | (devices["expired_credentials"] < devices["credentials"])


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
    serves=["gcp-clearblade-gateway-association-only"],
    remedy="Set gatewayAuthMethod to ASSOCIATION_AND_DEVICE_AUTH_TOKEN.",
    only={"provider": REGISTRIES, "edge": True},
    passes=[{"gateway_auth": "ASSOCIATION_AND_DEVICE_AUTH_TOKEN"}, {"gateway_auth": "DEVICE_AUTH_TOKEN_ONLY"}],
    fails=[{"gateway_auth": "ASSOCIATION_ONLY"}, {"gateway_auth": "GATEWAY_AUTH_METHOD_UNSPECIFIED"}],
    ignores=[{"edge": False}],
)
def gateway_checks_the_devices_behind_it(devices: Rows[Device]) -> Verdict:
    """A gateway speaks only for devices that prove who they are.

    With association alone, a rogue device behind the gateway is trusted because it is there.
    """
    return (devices["gateway_auth"] == "ASSOCIATION_AND_DEVICE_AUTH_TOKEN") | (
        devices["gateway_auth"] == "DEVICE_AUTH_TOKEN_ONLY"
    )
