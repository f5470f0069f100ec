"""Host-based and edge security: gateways that others stand behind hold better credentials than the rest."""

from __future__ import annotations

from checks.check import check
from checks.command import DEPLOYMENT
from checks.policy.document import holds
from checks.policy.gateway import speaks_for_everyone
from collectors.schema import Rows, Verdict
from collectors.tables.device import Device
from collectors.tables.edge import EdgeComponent, EdgeCore, EdgeDeployment, EdgeGroup, Tunnel


@check(
    severity="medium",
    serves=["azure-edge-device-symmetric-key"],
    remedy={"azure": "Provision the edge device with X.509 or TPM attestation."},
    only={"provider": "azure", "enabled": True, "edge": True},
    passes=[{"auth": "authority"}],
    fails=[{"auth": "symmetric-key"}],
    ignores=[{"enabled": False}, {"edge": False}],
)
def edge_device_uses_no_symmetric_key(devices: Rows[Device]) -> Verdict:
    """An edge device authenticates with a certificate or TPM.

    Its key speaks for every device behind it, and lies in a file on a machine that people can reach.
    """
    return devices["auth"] != "symmetric-key"


@check(
    severity="high",
    serves=["aws-greengrass-v1-in-use"],
    remedy={"aws": "Migrate the group's cores to AWS IoT Greengrass V2, reset its deployments and delete it."},
    command={"aws": "aws greengrass reset-deployments --region {region} --group-id {resource.id}"},
    only={"provider": "aws"},
    passes=[{"deployed": False}],
    fails=[{"deployed": True}],
)
def no_core_runs_greengrass_v1(groups: Rows[EdgeGroup]) -> Verdict:
    """No AWS IoT Greengrass V1 group is deployed.

    Its cores have had no security fix since 30 June 2023, and the service ended on 7 October 2026.
    """
    return ~groups["deployed"]


@check(
    severity="high",
    serves=["aws-greengrass-component-root"],
    remedy={"aws": "Create a user for the component, set runWith.posixUser to it and drop RequiresPrivilege."},
    command={"aws": DEPLOYMENT},
    only={"provider": "aws", "active": True, "vendor": False},
    passes=[{"runs_as_root": False}],
    fails=[{"runs_as_root": True}],
    ignores=[{"active": False}, {"vendor": True}],
)
def component_does_not_run_as_root(components: Rows[EdgeComponent]) -> Verdict:
    """A component on a gateway does not run as root.

    An escape from its script or container is then the end of the gateway, and of what it vouches for.
    """
    return ~components["runs_as_root"]


@check(
    severity="high",
    serves=["aws-greengrass-debug-component"],
    remedy={"aws": "Remove the component from the deployment, or tag the deployment with its stage."},
    command={"aws": DEPLOYMENT},
    severity_when={"medium": {"component": "aws.greengrass.Cli"}},
    only={"provider": "aws", "active": True},
    passes=[{"debug_tool": False, "development": False}, {"debug_tool": True, "development": True}],
    fails=[
        {"debug_tool": True, "development": False, "component": "aws.greengrass.LocalDebugConsole"},
        {"debug_tool": True, "development": False, "component": "aws.greengrass.Cli"},
    ],
    ignores=[{"active": False}],
)
def deployment_brings_no_debug_tool(components: Rows[EdgeComponent]) -> Verdict:
    """No debug console or local command line is deployed to production cores.

    Whoever is on the device, or reaches the console's port, restarts and replaces what runs there.
    """
    return ~components["debug_tool"] | components["development"]


@check(
    severity="high",
    serves=["aws-greengrass-debug-component"],
    remedy={"aws": "Deploy to the core without the component, or tag the core with its stage."},
    command={"aws": DEPLOYMENT},
    only={"provider": "aws"},
    passes=[{"debug_tool": False, "development": False}, {"debug_tool": True, "development": True}],
    fails=[{"debug_tool": True, "development": False}],
)
def core_has_no_debug_tool(cores: Rows[EdgeCore]) -> Verdict:
    """No debug console or local command line is installed on a production core.

    What an installer or an earlier deployment left behind opens the same door as a deployed one.
    """
    return ~cores["debug_tool"] | cores["development"]


@check(
    severity="critical",
    serves=["aws-greengrass-client-auth-open"],
    remedy={"aws": "Name things or prefixes in selectionRule, and topics in the resources of their policy."},
    command={"aws": DEPLOYMENT},
    only={"provider": "aws", "active": True, "component": "aws.greengrass.clientdevices.Auth"},
    passes=[{"clients_open": False}],
    fails=[{"clients_open": True}],
    ignores=[{"active": False}, {"component": "aws.greengrass.clientdevices.mqtt.Moquette"}],
)
def local_clients_are_told_apart(components: Rows[EdgeComponent]) -> Verdict:
    """A gateway does not let every client device use every topic of its local broker.

    One compromised sensor would then command everything in its cell.
    """
    return ~components["clients_open"]


@check(
    severity="critical",
    serves=["aws-greengrass-core-policy-wildcard"],
    remedy={"aws": "Replace the installer's policy by the minimal one: the core's own client ids, topics and actions."},
    command={
        "aws": (
            "aws iot create-policy-version --region {region} --policy-name YOUR_CORE_POLICY"
            " --policy-document file://YOUR_POLICY.json --set-as-default"
        ),
    },
    only={"provider": "aws"},
    passes=[
        {"documents": '[{"Statement": {"Effect": "Allow", "Action": "iot:Connect", "Resource": "arn:aws:iot:r:a:client/gw*"}}]'},
        {"documents": '[{"Statement": {"Effect": "Allow", "Action": "greengrass:ResolveComponentCandidates", "Resource": "*"}}]'},
    ],
    fails=[
        {"documents": '[{"Statement": {"Effect": "Allow", "Action": ["iot:Publish", "iot:Connect"], "Resource": "*"}}]'},
        {"documents": '[{"Statement": {"Effect": "Allow", "Action": "greengrass:*", "Resource": ["*"]}}]'},
    ],
)  # fmt: skip
def core_speaks_for_itself_only(cores: Rows[EdgeCore]) -> Verdict:
    """The policies of a core device do not allow it everything.

    With the policy that the installer makes, one rooted gateway speaks for every device of the account.
    """
    return ~holds(cores["documents"], speaks_for_everyone)


CLASSIC, LITE = "aws_nucleus_classic", "aws_nucleus_lite"


@check(
    severity="medium",
    serves=["aws-greengrass-nucleus-outdated"],
    remedy={"aws": "Deploy a current version of the nucleus, and find out why the core is unhealthy or silent."},
    command={"aws": DEPLOYMENT},
    only={"provider": "aws"},
    passes=[
        {"runtime": CLASSIC, "release": 2012, "healthy": True, "silent_days": 30},
        {"runtime": LITE, "release": 2000, "healthy": True, "silent_days": 0},
    ],
    fails=[
        {"runtime": CLASSIC, "release": 2011, "healthy": True, "silent_days": 0},
        {"runtime": LITE, "release": 1999, "healthy": True, "silent_days": 0},
        {"runtime": CLASSIC, "release": 2014, "healthy": False, "silent_days": 0},
        {"runtime": CLASSIC, "release": 2014, "healthy": True, "silent_days": 31},
    ],
    open=[{"runtime": "another_nucleus", "release": 2014, "healthy": True, "silent_days": 0}],
)
def core_is_current_healthy_and_heard_of(
    cores: Rows[EdgeCore], *, classic: int = 2012, lite: int = 2000, days: int = 30
) -> Verdict:
    """A core device runs a current nucleus, is healthy, and reported within a month.

    AWS names no end of support for a release of the nucleus, so the oldest that passes is a setting, one for each
    runtime. An old one has known flaws, and a gateway that nobody misses can be in anybody's hands.
    """
    oldest = cores["runtime"].map({CLASSIC: classic, LITE: lite}).astype("Int64")
    return (cores["release"] >= oldest) & cores["healthy"] & (cores["silent_days"] <= days)


@check(
    severity="low",
    serves=["aws-greengrass-deployment-no-rollback"],
    remedy={"aws": "Revise the deployment with failureHandlingPolicy ROLLBACK."},
    command={"aws": DEPLOYMENT + " --deployment-policies failureHandlingPolicy=ROLLBACK"},
    only={"provider": "aws", "active": True},
    passes=[{"rolls_back": True}],
    fails=[{"rolls_back": False}],
    ignores=[{"active": False}],
)
def deployment_rolls_back(deployments: Rows[EdgeDeployment]) -> Verdict:
    """A deployment that fails on a gateway is rolled back there.

    Otherwise a security update that broke off leaves the gateway half patched.
    """
    return deployments["rolls_back"]


@check(
    severity="medium",
    serves=["aws-iot-secure-tunnel-stale"],
    remedy={"aws": "Close the tunnel, and open tunnels with maxLifetimeTimeoutMinutes of 240 or less."},
    command={"aws": "aws iotsecuretunneling close-tunnel --region {region} --tunnel-id {resource.id}"},
    only={"provider": "aws", "open": True},
    passes=[{"age_hours": 4, "lifetime_minutes": 60}, {"age_hours": 1, "lifetime_minutes": 240}],
    fails=[{"age_hours": 5, "lifetime_minutes": 60}, {"age_hours": 1, "lifetime_minutes": 241}],
    ignores=[{"open": False}],
)
def tunnel_closes_soon(tunnels: Rows[Tunnel], *, hours: int = 4) -> Verdict:
    """A secure tunnel is open for four hours at most.

    Longer, as with the service's default of twelve hours, it is a standing remote shell into a device.
    """
    return (tunnels["age_hours"] <= hours) & (tunnels["lifetime_minutes"] <= hours * 60)
