"""Devices and the certificates they and their issuers hold."""

from __future__ import annotations

from collectors.schema import Table, Tagged, count, days, flag, text


class Device(Tagged):
    """One row per device identity: an AWS thing, an Azure device, a registry device."""

    hub = text("Full id of the hub or registry it belongs to.")
    enabled = flag("It may connect.")
    auth = text(
        "How it proves who it is. `none`: not at all.",
        "authority",
        "self-signed",
        "public-key",
        "symmetric-key",
        "none",
    )
    sharers = count("Other enabled devices that hold the same key or certificate; 0 when its credential is its own.")
    active_certificates = count("AWS: active certificates attached to it.")
    weak_key = flag(
        "One of its public keys is weak: RSA below 2048 bits, a ROCA modulus, on the list of known keys, or in a SHA-1"
        " certificate."
    )
    credentials = count("Credentials it holds.")
    expiring_credentials = count("Credentials it holds that end at some date.")
    expired_credentials = count("Credentials it holds that have ended.")
    silent_days = days("Days since it was last heard of.")
    ever_connected = flag("It has been heard of at least once.")
    edge = flag("It is a gateway or edge device that others stand behind.")
    gateway_auth = text(
        "Registry gateway: how devices behind it are trusted.",
        "ASSOCIATION_ONLY",
        "DEVICE_AUTH_TOKEN_ONLY",
        "ASSOCIATION_AND_DEVICE_AUTH_TOKEN",
        "GATEWAY_AUTH_METHOD_UNSPECIFIED",
    )
    logs_off = flag("Its own log level silences it.")


class Certificate(Table):
    """One row per X.509 certificate that devices or their issuers present."""

    kind = text("Whose it is.", "device", "authority")
    hub = text("Full id of the hub or registry it is registered at, where there is one.")
    active = flag("The backend trusts it.")
    parseable = flag("It can be parsed as X.509.")
    algorithm = text("Public key algorithm, as in `RSA` or `EC`.")
    key_bits = count("Size of the public key in bits.")
    signature_hash = text("Hash of its signature, as in `sha256`.")
    self_signed = flag("It is signed with its own key.")
    weak_key = flag(
        "The key is RSA below 2048 bits, has a ROCA modulus or is on the list of known keys, or a signature that counts is"
        " MD5 or SHA-1."
    )
    expires_in_days = days("Days until it ends; negative when it has.")
    age_days = days("Days since it was registered.")
    things = count("AWS: things it is attached to.")
    exclusive = flag("AWS: it can be attached to one thing only.")
    policies = count("AWS: policies attached to it.")
    claim = flag("AWS: a provisioning claim, which has no thing by design.")
    possession_verified = flag("Azure: the owner proved possession of the CA's private key.")
    auto_registers = flag("AWS CA: unknown devices are registered on first connect.")
    registration_vetted = flag("AWS CA: a provisioning template or an enabled rule vets what is registered.")
    issuer = text("AWS: id of the registered CA whose key signed it; empty when none did.")
    revocation_list = flag("AWS: a revocation list says whether its issuer revoked it.")
    revoked = flag("AWS: the list names it, or a CA that signed it.")
    active_devices = count("AWS CA: active device certificates that it signed.")


class IssuingAuthority(Table):
    """One row per CA of AWS Private CA."""

    active = flag("It issues certificates.")
    short_lived = flag("It issues certificates of seven days at most, which are not revoked.")
    registered = flag("Its certificate, or one above it, is registered in AWS IoT.")
    publishes_revocation = flag("A certificate it issues says where its revocation is published: a CRL or OCSP.")
