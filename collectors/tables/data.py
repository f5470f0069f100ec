"""Where device data goes: routes, topics, stores, and the keys that protect them; and the updates that come back."""

from __future__ import annotations

from collectors.schema import Table, Tagged, count, flag, text


class Route(Tagged):
    """One row per way out of the hub: an AWS rule action, an Azure endpoint or file upload, a Pub/Sub subscription."""

    context = ("target",)

    hub = text("Full id of the hub it leaves from, where there is one.")
    kind = text("Service it leads to, as in `s3`, `storageContainers`, `push`.")
    target = text("Where it leads.")
    enabled = flag("Messages flow.")
    keyed = flag("It authenticates with a stored key or connection string instead of an identity.")
    upload_hours = count("Azure file upload: hours for which an upload URL is valid, rounded up.")
    public_acl = flag("AWS: it writes objects with a public ACL.")
    static_secret = flag("AWS: it carries a literal secret.")
    caught_errors = flag("AWS: messages that cannot be delivered go somewhere.")
    reserved_from_message = flag("AWS: a republish into $aws topics whose target the message chooses.")
    encrypted_at_rest = flag("Its target keeps messages encrypted.")
    https = flag("Push: it delivers over HTTPS.")
    authenticated = flag("Push: it signs its requests.")


class Topic(Tagged):
    """One row per Pub/Sub topic or subscription."""

    kind = text("What it is.", "topic", "subscription")
    telemetry = flag("A registry publishes to it, or it is labelled as IoT.")
    customer_key = flag("It is encrypted with a customer-managed key.")
    regions = count("Regions its messages may be stored in; 0 is any.")
    schema_bound = flag("Messages must fit a schema.")


class Store(Tagged):
    """One row per bucket or storage account."""

    kind = text("What it is.", "s3", "storage account", "gcs")
    holds_telemetry = flag("The IoT backend writes device data into it.")
    holds_firmware = flag("Devices get firmware or job files from it.")
    holds_iot_data = flag("It holds either.")
    public = flag("Anybody on the internet can read or write it.")
    refuses_plain_http = flag("It refuses requests without TLS, or with TLS below 1.2 where that is a setting.")
    encrypted = flag("It encrypts what it stores.")
    versioned = flag("Overwritten objects are kept, by versioning or retention.")
    expires_objects = flag("It deletes old objects.")
    shared_keys = flag("Azure: it accepts account keys.")
    object_acls = flag("Google: single objects may have their own ACL.")
    writers = count("Identities that can replace objects in it.")


class Key(Tagged):
    """One row per key of a key management service."""

    purpose = text("What it is for.", "encrypt", "sign", "mac", "other")
    customer_managed = flag("The organisation manages it.")
    enabled = flag("It can be used.")
    rotatable = flag("The provider can rotate it by itself.")
    rotates = flag("It is rotated by itself.")
    rotation_days = count("Days between rotations.")
    public = flag("Anybody can use it.")
    signs_firmware = flag("It is labelled as a firmware signing key.")
    hardware = flag("It is kept in an HSM or an external key manager.")
    imported = flag("It existed outside the service before.")
    signers = count("Identities that can sign with it.")


class Update(Table):
    """One row per AWS OTA update."""

    active = flag("Devices can still receive it.")
    files = count("Files in it.")
    unsigned_files = count("Files without a code signature.")
    weak_signature = flag(
        "A file is signed with SHA-1, or with a profile or certificate that was withdrawn or has ended."
    )
