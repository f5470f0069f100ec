"""Connection security: which networks and protocols reach the backend, and how the backend shows who it is."""

from __future__ import annotations

from checks.check import check
from collectors.schema import Rows, Verdict
from collectors.tables.data import Route
from collectors.tables.hub import DataEndpoint, Hub

TLS_POLICIES = {
    "IoTSecurityPolicy_TLS13_1_3_2022_10": True,
    "IoTSecurityPolicy_TLS13_1_2_2022_10": True,
    "IoTSecurityPolicy_TLS12_1_2_2022_10": True,
    "IoTSecurityPolicy_TLS12_1_0_2016_01": False,
    "IoTSecurityPolicy_TLS12_1_0_2015_01": False,
}
"""AWS IoT security policies and whether they are current ("Transport security in AWS IoT Core")."""
CURRENT_TLS = (
    "aws iot update-domain-configuration --region {region} --domain-configuration-name {name}"
    " --tls-config securityPolicy=IoTSecurityPolicy_TLS13_1_2_2022_10"
)


@check(
    severity="medium",
    serves=["azure-iothub-min-tls"],
    remedy={
        "azure": "Create the hub anew with minTlsVersion 1.2 in a region that supports it; it cannot be changed later.",
        "aws": "Choose a security policy with TLS 1.2 or 1.3 for the domain configuration.",
    },
    command={"aws": CURRENT_TLS},
    only={"kind": ("iot hub", "domain configuration")},
    passes=[{"min_tls": "1.2"}, {"min_tls": "1.3"}],
    fails=[{"min_tls": "1.0"}, {"min_tls": "1.1"}],
    ignores=[{"kind": "provisioning service"}, {"kind": "registry"}],
)
def hub_refuses_old_tls(hubs: Rows[Hub]) -> Verdict:
    """The hub refuses TLS below 1.2.

    TLS 1.0 and 1.1 let a device on a hostile network be read or impersonated.
    """
    return hubs["min_tls"] >= "1.2"


@check(
    severity="medium",
    serves=["azure-iothub-public-access-unrestricted", "azure-dps-public-access-unrestricted"],
    remedy={
        "azure": "Disable public network access, or set network rules with default action Deny (DPS: for serviceApi)."
    },
    command={
        "azure": "az resource update --ids {resource} --set properties.publicNetworkAccess=Disabled",
    },
    only={"kind": ("iot hub", "provisioning service")},
    passes=[{"public_network": False, "filtered": False}, {"public_network": True, "filtered": True}],
    fails=[{"public_network": True, "filtered": False}],
    ignores=[{"kind": "domain configuration"}],
)
def hub_is_closed_to_unknown_networks(hubs: Rows[Hub]) -> Verdict:
    """The hub answers only to networks that somebody listed.

    An endpoint that every network reaches invites credential stuffing and the use of stolen keys from anywhere.
    """
    return ~hubs["public_network"] | hubs["filtered"]


@check(
    severity="medium",
    serves=["azure-iothub-ip-filter-permissive"],
    remedy={"azure": "Set the default action to Deny, or end the legacy list with Reject 0.0.0.0/0."},
    command={
        "azure": "az resource update --ids {resource} --set properties.networkRuleSets.defaultAction=Deny",
    },
    only={"kind": "iot hub", "public_network": True},
    passes=[{"allows_by_default": False}],
    fails=[{"allows_by_default": True}],
    ignores=[{"kind": "provisioning service"}, {"public_network": False}],
)
def address_rules_deny_by_default(hubs: Rows[Hub]) -> Verdict:
    """Address rules, where there are any, deny what no rule names.

    A filter that lets everything through by default gives comfort and no protection.
    """
    return ~hubs["allows_by_default"]


@check(
    severity="medium",
    serves=["azure-iothub-ip-filter-permissive"],
    remedy={"azure": "Narrow the masks of the address rules to the networks that are meant."},
    only={"kind": "iot hub", "public_network": True, "filtered": True},
    passes=[{"widest_range_bits": 24}, {"widest_range_bits": 16}],
    fails=[{"widest_range_bits": 15}, {"widest_range_bits": 0}],
    ignores=[{"kind": "provisioning service"}, {"public_network": False}, {"filtered": False}],
)
def address_rules_are_narrow(hubs: Rows[Hub], *, bits: int = 16) -> Verdict:
    """No address rule lets in a range wider than a /16.

    A mask typed too short opens the hub to millions of strangers while the filter looks strict.
    """
    return hubs["widest_range_bits"] >= bits


@check(
    severity="medium",
    serves=["azure-iothub-builtin-endpoint-unfiltered"],
    remedy={"azure": "Set networkRuleSets.applyToBuiltInEventHubEndpoint to true."},
    command={
        "azure": (
            "az resource update --ids {resource} --set properties.networkRuleSets.applyToBuiltInEventHubEndpoint=true"
        ),
    },
    only={"kind": "iot hub", "public_network": True, "filtered": True},
    passes=[{"events_endpoint_filtered": True}],
    fails=[{"events_endpoint_filtered": False}],
    ignores=[{"kind": "provisioning service"}, {"public_network": False}, {"filtered": False}],
)
def address_rules_cover_the_events_endpoint(hubs: Rows[Hub]) -> Verdict:
    """Address rules cover the built-in Event Hubs endpoint too.

    Otherwise telemetry stays readable from any address with a key.
    """
    return hubs["events_endpoint_filtered"]


@check(
    severity="low",
    profile="private-network",
    serves=["azure-iothub-no-private-endpoint"],
    remedy={"azure": "Add a private endpoint to the hub and approve it, then disable public access."},
    command={
        "azure": (
            "az network private-endpoint create --name YOUR_NAME --connection-name YOUR_CONNECTION_NAME"
            " --resource-group {resource.group} --subscription {account}"
            " --private-connection-resource-id {resource} --group-id iotHub --subnet YOUR_SUBNET_ID"
        ),
    },
    only={"kind": "iot hub"},
    passes=[{"private_endpoints": 1}],
    fails=[{"private_endpoints": 0}],
    ignores=[{"kind": "provisioning service"}],
)
def hub_has_a_private_endpoint(hubs: Rows[Hub]) -> Verdict:
    """The hub has an approved private endpoint.

    Without one, traffic of a site that has its own network crosses the public edge.
    """
    return hubs["private_endpoints"] > 0


@check(
    severity="low",
    serves=["azure-iothub-egress-unrestricted"],
    remedy={"azure": "Set restrictOutboundNetworkAccess and list the host names of every endpoint in allowedFqdnList."},
    command={
        "azure": (
            "az resource update --ids {resource} --set properties.restrictOutboundNetworkAccess=true"
            " 'properties.allowedFqdnList=[\"YOUR_HOST_NAME\"]'"
        ),
    },
    only={"kind": "iot hub"},
    passes=[{"egress_restricted": True, "routes": 2}, {"egress_restricted": False, "routes": 0}],
    fails=[{"egress_restricted": False, "routes": 1}],
    ignores=[{"kind": "provisioning service"}],
)
def hub_sends_only_to_listed_destinations(hubs: Rows[Hub]) -> Verdict:
    """The hub sends data only to destinations that somebody listed.

    A rogue route or file upload target is a quiet way out for everything that devices report.
    """
    return hubs["egress_restricted"] | (hubs["routes"] == 0)


@check(
    severity="medium",
    serves=["aws-iot-domain-tls-policy-legacy"],
    remedy={
        "aws": "Set tlsConfig.securityPolicy to IoTSecurityPolicy_TLS13_1_2_2022_10 once device stacks were checked."
    },
    command={"aws": CURRENT_TLS},
    only={"provider": "aws", "kind": "domain configuration", "enabled": True},
    passes=[
        {"tls_policy": "IoTSecurityPolicy_TLS13_1_3_2022_10"},
        {"tls_policy": "IoTSecurityPolicy_TLS13_1_2_2022_10"},
        {"tls_policy": "IoTSecurityPolicy_TLS12_1_2_2022_10"},
    ],
    fails=[
        {"tls_policy": "IoTSecurityPolicy_TLS12_1_0_2016_01"},
        {"tls_policy": "IoTSecurityPolicy_TLS12_1_0_2015_01"},
    ],
    open=[{"tls_policy": "IoTSecurityPolicy_of_a_later_year"}],
    ignores=[{"kind": "iot hub"}, {"enabled": False}],
)
def domain_uses_a_current_tls_policy(hubs: Rows[Hub]) -> Verdict:
    """The domain configuration uses a current TLS security policy.

    A policy of 2015 or 2016 keeps its old list of cipher suites negotiable for the whole fleet.
    """
    return hubs["tls_policy"].map(TLS_POLICIES).astype("boolean")


@check(
    severity="low",
    serves=["aws-iot-domain-no-forward-secrecy"],
    remedy={"aws": "Move devices that can speak TLS 1.3 to a domain configuration with the TLS-1.3-only policy."},
    command={
        "aws": (
            "aws iot create-domain-configuration --region {region} --domain-configuration-name YOUR_NEW_NAME"
            " --tls-config securityPolicy=IoTSecurityPolicy_TLS13_1_3_2022_10"
        ),
    },
    only={"provider": "aws", "kind": "domain configuration", "enabled": True},
    passes=[{"forward_secrecy_only": True}],
    fails=[{"forward_secrecy_only": False}],
    ignores=[{"kind": "iot hub"}, {"enabled": False}],
)
def domain_offers_only_forward_secrecy(hubs: Rows[Hub]) -> Verdict:
    """The domain configuration offers only cipher suites with forward secrecy.

    Without it, traffic recorded today can be read on the day the server's key is lost.
    """
    return hubs["forward_secrecy_only"]


@check(
    severity="high",
    serves=["aws-iot-domain-server-cert-invalid"],
    remedy={"aws": "Renew the certificate in ACM and attach it again; let ACM renew it from then on."},
    only={"provider": "aws", "kind": "domain configuration", "enabled": True, "customer_managed": True},
    passes=[{"server_certificate_valid": True, "server_certificate_days": 30}],
    fails=[
        {"server_certificate_valid": False, "server_certificate_days": 300},
        {"server_certificate_valid": True, "server_certificate_days": 29},
    ],
    ignores=[{"kind": "iot hub"}, {"enabled": False}, {"customer_managed": False}],
)
def domain_shows_a_valid_certificate(hubs: Rows[Hub], *, days: int = 30) -> Verdict:
    """Every server certificate of a custom domain is valid for another month.

    Devices that verify cannot connect, and operators then switch verification off.
    """
    return hubs["server_certificate_valid"] & (hubs["server_certificate_days"] >= days)


@check(
    severity="high",
    serves=["gcp-pubsub-push-insecure"],
    remedy={"gcp": "Push to an https endpoint with an OIDC token, and verify the token there."},
    command={
        "gcp": (
            "gcloud pubsub subscriptions update {name} --project={account} --push-endpoint=YOUR_HTTPS_URL"
            " --push-auth-service-account=YOUR_SERVICE_ACCOUNT"
        ),
    },
    only={"kind": "push"},
    passes=[{"https": True, "authenticated": True}],
    fails=[{"https": False, "authenticated": True}, {"https": True, "authenticated": False}],
    ignores=[{"kind": "pull"}],
)
def push_is_encrypted_and_signed(routes: Rows[Route]) -> Verdict:
    """Device data is pushed over HTTPS, and the receiver can tell who pushes.

    Otherwise anybody can forge device events at the receiver, or read them on the way.
    """
    return routes["https"] & routes["authenticated"]


@check(
    severity="low",
    serves=["gcp-clearblade-registry-http-enabled"],
    remedy="Set httpConfig.httpEnabledState of the registry to HTTP_DISABLED.",
    only={"kind": "registry"},
    passes=[{"http_enabled": False}],
    fails=[{"http_enabled": True}],
    ignores=[{"kind": "iot hub"}],
)
def registry_keeps_the_http_bridge_off(hubs: Rows[Hub]) -> Verdict:
    """The registry's HTTP bridge is off.

    A second entry point that devices do not use is one more to attack. Waive it where devices do use it.
    """
    return ~hubs["http_enabled"]


@check(
    severity="medium",
    serves=["aws-iot-domain-authorizer-override"],
    remedy={"aws": "Set allowAuthorizerOverride to false and name a default authorizer."},
    command={
        "aws": (
            "aws iot update-domain-configuration --region {region} --domain-configuration-name {name}"
            " --authorizer-config defaultAuthorizerName=YOUR_AUTHORIZER,allowAuthorizerOverride=false"
        ),
    },
    only={"provider": "aws", "kind": "domain configuration", "enabled": True},
    passes=[{"authorizer_override": False}],
    fails=[
        {"authorizer_override": True, "authorizer_after_certificate": False},
        {"authorizer_override": True, "authorizer_after_certificate": True},
    ],
    ignores=[{"kind": "iot hub"}, {"enabled": False}],
    severity_when={"low": {"authorizer_after_certificate": True}},
)
def domain_chooses_the_authorizer(hubs: Rows[Hub]) -> Verdict:
    """The domain, and not the client, chooses the custom authorizer.

    A client that may choose picks the weakest of the active authorizers, which may be one that everybody forgot.
    """
    return ~hubs["authorizer_override"]


@check(
    severity="low",
    profile="private-network",
    serves=["aws-iot-data-endpoint-no-privatelink"],
    remedy={
        "aws": "Create an interface endpoint for the iot.data service, and condition device policies on aws:SourceVpce."
    },
    command={
        "aws": (
            "aws ec2 create-vpc-endpoint --region {region} --vpc-endpoint-type Interface"
            " --service-name com.amazonaws.{region}.iot.data --vpc-id YOUR_VPC_ID --subnet-ids YOUR_SUBNET_ID"
            " --security-group-ids YOUR_SECURITY_GROUP_ID"
        ),
    },
    only={"provider": "aws"},
    passes=[{"private_endpoints": 1, "bound_policies": 1}],
    fails=[{"private_endpoints": 0, "bound_policies": 3}, {"private_endpoints": 1, "bound_policies": 0}],
)
def data_plane_is_reached_privately(endpoints: Rows[DataEndpoint]) -> Verdict:
    """Devices reach the data plane over a private endpoint, and policies hold them to it.

    A fleet bound to sites gains nothing from a broker that the whole internet can reach.
    """
    return (endpoints["private_endpoints"] > 0) & (endpoints["bound_policies"] > 0)
