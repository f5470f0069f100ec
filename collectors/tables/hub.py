"""Front doors of the IoT backend, and what they log."""

from __future__ import annotations

from collectors.schema import Table, Tagged, count, days, flag, text


class Hub(Tagged):
    """One row per front door that devices connect to or enrol at.

    AWS: a domain configuration. Azure: an IoT hub or a Device Provisioning Service. Google and ClearBlade: a registry.
    """

    kind = text("What it is.", "domain configuration", "iot hub", "provisioning service", "registry")
    enabled = flag("It serves devices.")
    customer_managed = flag("The organisation chose its domain and certificate itself.")
    min_tls = text("Lowest TLS version it accepts.", "1.0", "1.1", "1.2", "1.3")
    tls_policy = text("AWS: name of the TLS security policy.")
    forward_secrecy_only = flag("Every cipher suite it offers has forward secrecy.")
    server_certificate_valid = flag("Every server certificate it shows is valid.")
    server_certificate_days = days("AWS: days until the first of its server certificates ends; negative when it has.")
    public_network = flag("It answers on the public internet.")
    filtered = flag("Only listed addresses may reach it.")
    allows_by_default = flag("It has address rules, and an address that no rule names is let in.")
    widest_range_bits = count("Prefix length in bits of the widest address range let in; 0 is every address.")
    events_endpoint_filtered = flag("Azure: the address rules cover the built-in Event Hubs endpoint too.")
    private_endpoints = count("Approved private endpoints.")
    egress_restricted = flag("Azure: it may send data only to listed destinations.")
    routes = count("Custom endpoints it sends data to.")
    shared_access_keys = flag("Its service APIs accept shared access keys.")
    device_keys_allowed = flag("Azure: it accepts devices and modules that authenticate with a SAS key.")
    devices_using_keys = count("Enabled devices that authenticate with a symmetric key.")
    key_holders = count("People and groups that can read or set its keys.")
    key_linked_hubs = count("Provisioning service: linked hubs that it reaches with a key.")
    http_enabled = flag("Registry: devices may use the HTTP bridge.")
    mqtt_enabled = flag("Registry: devices may use MQTT.")
    authorities = count("Registry: CA certificates that device credentials must be signed by.")
    authorizer_override = flag("AWS: a client may choose any custom authorizer.")
    authorizer_after_certificate = flag(
        "AWS: a custom authorizer is asked only after a client certificate was accepted."
    )


class Log(Table):
    """One row per place where connections are logged: an AWS account and region, an Azure hub, a registry."""

    hub = text("Full id of the hub or registry whose connections they are.")
    kind = text("What is logged.", "account", "iot hub", "provisioning service", "registry")
    logs_connections = flag("Failed and successful connections of devices are written to a log.")
    silenced = count("AWS: thing groups, clients, addresses or principals that are exempt from the log.")


class Detection(Table):
    """One row per AWS account and region, or Google project: whether somebody would notice."""

    audit_scheduled = flag("AWS: a Device Defender audit is configured and scheduled.")
    audit_notifies = flag("AWS: Device Defender audit results are sent to a topic.")
    audit_on = flag("AWS: a check of Device Defender's audit is enabled.")
    findings_containable = flag(
        "AWS: a mitigation action puts a device in quarantine, takes its rights or deactivates its certificate."
    )
    data_access_logged = flag("Google: reads and writes of data are in the audit log for the IoT services.")
    audit_exemptions = count("Google: identities that are exempt from data-access logs.")
    retired_api_enabled = flag("Google: the API of the retired Cloud IoT Core is still enabled.")


class DataEndpoint(Table):
    """One row per AWS account and region: how the data plane of AWS IoT is reached."""

    private_endpoints = count("Interface endpoints for it that are available.")
    bound_policies = count("Attached AWS IoT policies with a condition on the VPC or VPC endpoint.")
