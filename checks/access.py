"""Authorization and IAM: devices act only for themselves, services hold only what they need, people few keys."""

from __future__ import annotations

import json

from checks.check import check, proven
from checks.command import POLICY_VERSION, REVOKE, ROLE_POLICY
from checks.policy.device import (
    acts_on_others,
    allows_every_action,
    assumes_any_role,
    connects_as_anyone,
    listens_to_others,
    publishes_for_others,
)
from checks.policy.document import holds
from checks.policy.leak import delivers_what_it_denies, denies_with_mqtt_wildcard
from checks.policy.role import overly_permissive, reaches_other_devices_data
from checks.policy.rule import does_more
from checks.policy.topics import (
    leaves_connecting_to_others,
    reaches_custom_topics_of_others,
    trusts_a_chosen_client_id,
)
from checks.policy.union import (
    delivers_what_is_denied_together,
    reaches_others_together,
    trusts_a_chosen_client_id_together,
)
from collectors.schema import Rows, Verdict
from collectors.tables.access import Grant, Policy, Principal, RoleAlias, ServiceIdentity
from collectors.tables.around import Function, RuleRole
from collectors.tables.hub import Detection, Hub


def policy(action: str, resource: str, effect: str = "Allow") -> str:
    """A policy of one statement, for examples."""
    return f'{{"Statement": {{"Effect": "{effect}", "Action": "{action}", "Resource": "{resource}"}}}}'


def iot(resource: str) -> str:
    """An AWS IoT ARN, for examples."""
    return f"arn:aws:iot:eu-west-1:123456789012:{resource}"


def statements(*said: tuple[str, str, str]) -> str:
    """A policy of statements, each effect, action and what it is for, for examples."""
    return json.dumps(
        {"Statement": [{"Effect": effect, "Action": f"iot:{action}", "Resource": iot(resource)}
                       for effect, action, resource in said]}
    )  # fmt: skip


OWN = "${iot:Connection.Thing.ThingName}"


def in_force(*policies: list[tuple[str, str]]) -> str:
    """Policies in force together, each of them actions (a Deny with !) and what they are for, for examples."""
    documents = [
        statements(
            *(("Deny" if action[0] == "!" else "Allow", action.strip("!"), resource) for action, resource in said)
        )
        for said in policies
    ]
    return json.dumps([documents])


@check(
    severity="critical",
    serves=["aws-iot-policy-wildcard-connect"],
    remedy={"aws": "Allow iot:Connect on client/${iot:Connection.Thing.ThingName} with the condition IsAttached."},
    command={"aws": POLICY_VERSION},
    only={"provider": "aws", "claim": False},
    passes=[{"document": policy("iot:Connect", iot(f"client/{OWN}"))}],
    fails=[{"document": policy("iot:Connect", iot("client/*"))}, {"document": policy("iot:*", "*")}],
)
def device_connects_only_as_itself(policies: Rows[Policy]) -> Verdict:
    """A device connects only under its own client id.

    With any client id it impersonates other devices and knocks them off the broker.
    """
    return ~holds(policies["document"], connects_as_anyone)


@check(
    severity="critical",
    serves=["aws-iot-policy-wildcard-publish"],
    remedy={"aws": "Allow iot:Publish on topic/$aws/things/${iot:Connection.Thing.ThingName}/shadow/* only."},
    command={"aws": POLICY_VERSION},
    only={"provider": "aws"},
    passes=[{"document": policy("iot:Publish", iot(f"topic/$aws/things/{OWN}/shadow/*"))}],
    fails=[{"document": policy("iot:Publish", iot("topic/$aws/things/*/shadow/update"))}],
)
def device_publishes_only_for_itself(policies: Rows[Policy]) -> Verdict:
    """A device publishes to no other device's reserved topics.

    Otherwise it rewrites the shadow and job state of any device in the fleet.
    """
    return ~holds(policies["document"], publishes_for_others)


@check(
    severity="critical",
    serves=["aws-iot-policy-wildcard-subscribe"],
    remedy={"aws": "Allow iot:Subscribe on topicfilter/$aws/things/${iot:Connection.Thing.ThingName}/* only."},
    command={"aws": POLICY_VERSION},
    only={"provider": "aws"},
    passes=[{"document": policy("iot:Subscribe", iot(f"topicfilter/$aws/things/{OWN}/shadow/*"))}],
    fails=[{"document": policy("iot:Subscribe", iot("topicfilter/$aws/things/+/shadow/update"))}],
)
def device_listens_only_to_itself(policies: Rows[Policy]) -> Verdict:
    """A device subscribes to no other device's reserved topics.

    Otherwise it reads commands, state and job documents of the whole fleet.
    """
    return ~holds(policies["document"], listens_to_others)


@check(
    severity="critical",
    serves=["aws-iot-policy-shadow-job-any-thing"],
    remedy={"aws": "Scope shadow and job actions to thing/${iot:Connection.Thing.ThingName}."},
    command={"aws": POLICY_VERSION},
    only={"provider": "aws"},
    passes=[{"document": policy("iot:UpdateThingShadow", iot(f"thing/{OWN}"))}],
    fails=[{"document": policy("iot:UpdateThingShadow", iot("thing/*"))}],
)
def device_calls_only_its_own_shadow_and_jobs(policies: Rows[Policy]) -> Verdict:
    """A device calls shadow and job APIs for itself only.

    Over HTTPS no client id is checked: one certificate changes any device's shadow or jobs.
    """
    return ~holds(policies["document"], acts_on_others)


@check(
    severity="high",
    serves=["aws-iot-policy-action-wildcard"],
    remedy={"aws": "List the data-plane actions that devices use."},
    command={"aws": POLICY_VERSION},
    only={"provider": "aws"},
    passes=[{"document": policy("iot:Publish", iot("topic/a"))}],
    fails=[{"document": policy("iot:*", iot("topic/*"))}],
)
def policy_names_its_actions(policies: Rows[Policy]) -> Verdict:
    """A device policy names the actions it allows.

    A wildcard grants today's administrative actions, and tomorrow's too.
    """
    return ~holds(policies["document"], allows_every_action)


@check(
    severity="high",
    serves=["aws-iot-policy-role-alias-wildcard"],
    remedy={"aws": "Name the role alias in the statement that allows iot:AssumeRoleWithCertificate."},
    command={"aws": POLICY_VERSION},
    only={"provider": "aws"},
    passes=[
        {"document": policy("iot:AssumeRoleWithCertificate", iot("rolealias/logs")), "aliases": 2},
        {"document": policy("iot:AssumeRoleWithCertificate", iot("rolealias/*")), "aliases": 0},
    ],
    fails=[{"document": policy("iot:AssumeRoleWithCertificate", iot("rolealias/*")), "aliases": 1}],
)
def device_assumes_only_named_roles(policies: Rows[Policy]) -> Verdict:
    """A device assumes only the role aliases its policy names.

    Otherwise a sensor moves on to the most privileged alias in the account.
    """
    return ~holds(policies["document"], assumes_any_role) | (policies["aliases"] == 0)


@check(
    severity="medium",
    serves=["aws-iot-policy-mqtt-wildcard-in-deny"],
    remedy={"aws": "Write * instead of + and # in the Deny, and deny iot:Receive on the same topics."},
    command={"aws": POLICY_VERSION},
    only={"provider": "aws"},
    passes=[{"document": policy("iot:Subscribe", iot("topicfilter/doors/*"), "Deny")}],
    fails=[{"document": policy("iot:Subscribe", iot("topicfilter/doors/#"), "Deny")}],
)
def policy_denies_without_mqtt_wildcards(policies: Rows[Policy]) -> Verdict:
    """A Deny does not rely on + or # as wildcards.

    A policy reads them as plain characters, so the Deny protects one literal string only.
    """
    return ~holds(policies["document"], denies_with_mqtt_wildcard)


@check(
    severity="medium",
    serves=["aws-iot-policy-subscribe-deny-bypass"],
    remedy={"aws": "Deny iot:Receive on the topics whose subscription is denied."},
    command={"aws": POLICY_VERSION},
    only={"provider": "aws"},
    passes=[
        {"document": statements(("Allow", "Subscribe", "topicfilter/doors/*"), ("Deny", "Subscribe", "topicfilter/doors/vault/*"),
                              ("Allow", "Receive", "topic/doors/*"), ("Deny", "Receive", "topic/doors/vault/*"))},
        {"document": statements(("Allow", "Subscribe", "topicfilter/doors/*"), ("Deny", "Subscribe", "topicfilter/*"))},
    ],
    fails=[
        {"document": statements(("Allow", "Subscribe", "topicfilter/doors/*"), ("Deny", "Subscribe", "topicfilter/doors/vault/*"),
                              ("Allow", "Receive", "topic/doors/*"))},
    ],
)  # fmt: skip
def denied_topics_are_not_delivered(policies: Rows[Policy]) -> Verdict:
    """A topic that may not be subscribed to is not delivered either.

    A subscription to the parent with # or + brings what the Deny was to keep away, as long as it may be received.
    """
    return ~holds(policies["document"], delivers_what_it_denies)


@check(
    severity="high",
    serves=["aws-iot-policy-clientid-in-topic-unbound"],
    remedy={"aws": "Write ${iot:Connection.Thing.ThingName} for ${iot:ClientId}, or bind iot:Connect to the thing."},
    command={"aws": POLICY_VERSION},
    only={"provider": "aws"},
    passes=[
        {
            "document": statements(
                ("Allow", "Connect", "client/pump1"), ("Allow", "Publish", "topic/${iot:ClientId}/data")
            ),
            "judged_together": False,
        },
        {"document": statements(("Allow", "Publish", f"topic/{OWN}/data")), "judged_together": False},
        {"document": statements(("Allow", "Publish", "topic/${iot:ClientId}/data")), "judged_together": True},
    ],
    fails=[
        {
            "document": statements(
                ("Allow", "Connect", "client/*"), ("Allow", "Publish", "topic/${iot:ClientId}/data")
            ),
            "judged_together": True,
        },
    ],
)
def topic_scope_is_not_chosen_by_the_caller(policies: Rows[Policy]) -> Verdict:
    """A topic or thing scoped by the client id goes with a Connect that binds the client id.

    Otherwise the caller names itself after the device it wants to be, or + to be all of them. Where the Connect stands in
    another policy of the same certificate, `policies-together-bind-the-client-id` judges both.
    """
    alone = holds(policies["document"], trusts_a_chosen_client_id)
    elsewhere = holds(policies["document"], leaves_connecting_to_others)
    return ~alone & (~elsewhere | proven(policies["judged_together"]))


@check(
    severity="critical",
    serves=["aws-iot-policy-wildcard-publish", "aws-iot-policy-wildcard-subscribe", "aws-iot-policy-shadow-job-any-thing"],
    remedy={"aws": "Bind iot:Connect to the thing, and write ${iot:Connection.Thing.ThingName} for ${iot:ClientId}."},
    only={"provider": "aws"},
    passes=[
        {"documents": in_force([("Connect", f"client/{OWN}")], [("Publish", "topic/$aws/things/${iot:ClientId}/shadow/update")])},
        {"documents": in_force([("Connect", "client/*"), ("Publish", "topic/$aws/things/*")])},
    ],
    fails=[
        {"documents": in_force([("Connect", "client/*")], [("Publish", "topic/$aws/things/${iot:ClientId}/shadow/update")])},
    ],
)  # fmt: skip
def policies_together_reach_no_other_device(principals: Rows[Principal]) -> Verdict:
    """Policies of one certificate together reach no other device that none reaches alone.

    Each looks narrow where it is reviewed; whoever holds the certificate holds them all. What one of them gives alone
    is reported there.
    """
    return ~holds(principals["documents"], reaches_others_together)


@check(
    severity="high",
    serves=["aws-iot-policy-clientid-in-topic-unbound"],
    remedy={"aws": "Write ${iot:Connection.Thing.ThingName} for ${iot:ClientId}, or bind iot:Connect to the thing."},
    only={"provider": "aws"},
    passes=[
        {"documents": in_force([("Connect", "client/pump1")], [("Publish", "topic/${iot:ClientId}/data")])},
    ],
    fails=[
        {"documents": in_force([("Connect", "client/*")], [("Publish", "topic/${iot:ClientId}/data")])},
    ],
)
def policies_together_bind_the_client_id(principals: Rows[Principal]) -> Verdict:
    """A client id that scopes one policy of a certificate is not left open by another.

    Otherwise the caller names itself after the device it wants to be. What one policy shows alone is reported there, and
    a client id that opens reserved topics of others by `policies-together-reach-no-other-device`.
    """
    return ~holds(principals["documents"], trusts_a_chosen_client_id_together)


@check(
    severity="medium",
    serves=["aws-iot-policy-subscribe-deny-bypass"],
    remedy={"aws": "Deny iot:Receive on the topics whose subscription is denied, in the same policy."},
    only={"provider": "aws"},
    passes=[
        {"documents": in_force([("Subscribe", "topicfilter/doors/*")], [("Receive", "topic/doors/*")])},
    ],
    fails=[
        {"documents": in_force([("Subscribe", "topicfilter/doors/*"), ("!Subscribe", "topicfilter/doors/vault/*")],
                               [("Receive", "topic/doors/*")])},
    ],
)  # fmt: skip
def policies_together_deliver_nothing_denied(principals: Rows[Principal]) -> Verdict:
    """A topic that one policy of a certificate denies is not delivered by way of another.

    A subscription to the parent with # or + brings what the Deny was to keep away, as soon as some policy, also one of a
    thing group, lets it be received.
    """
    return ~holds(principals["documents"], delivers_what_is_denied_together)


@check(
    severity="low",
    controls=["ISVS 1.5.3"],
    remedy={"aws": "Delete the policy, or attach it where it is needed."},
    only={"provider": "aws"},
    passes=[{"targets": 1}],
    fails=[{"targets": 0}],
)
def policy_is_attached_to_something(policies: Rows[Policy]) -> Verdict:
    """A device policy is attached to a certificate or a thing group.

    Nobody reviews what nobody uses, and one careless attachment puts its rights back in force.
    """
    return policies["targets"] > 0


@check(
    severity="medium",
    serves=["aws-iot-policy-custom-topic-cross-device"],
    remedy={"aws": "Put ${iot:Connection.Thing.ThingName} into the topics and the policy."},
    command={"aws": POLICY_VERSION},
    only={"provider": "aws"},
    passes=[
        {"document": statements(("Allow", "Publish", f"topic/pumps/{OWN}/*"))},
        {"document": statements(("Allow", "Subscribe", "topicfilter/news/all"))},
    ],
    fails=[
        {"document": statements(("Allow", "Publish", "topic/pumps/*/data"))},
        {"document": statements(("Allow", "Subscribe", "topicfilter/pumps/+/commands"))},
    ],
)
def device_uses_only_its_own_custom_topics(policies: Rows[Policy]) -> Verdict:
    """A policy's custom topics name the device before their last level.

    Otherwise a device forges the telemetry of others, or reads it.
    """
    return ~holds(policies["document"], reaches_custom_topics_of_others)


@check(
    severity="critical",
    serves=["aws-iot-role-alias-overly-permissive"],
    remedy={"aws": "Replace the role's policies by actions on named resources, scoped with credentials-iot variables."},
    command={"aws": ROLE_POLICY},
    only={"provider": "aws"},
    passes=[{"documents": f"[{policy('s3:GetObject', 'arn:aws:s3:::firmware/*')}]"}],
    fails=[{"documents": f"[{policy('s3:*', '*')}]"}, {"documents": f"[{policy('iam:PassRole', '*')}]"}],
)
def role_alias_grants_only_what_devices_need(aliases: Rows[RoleAlias]) -> Verdict:
    """The role behind a role alias grants no whole service and no administration.

    Through the alias, every device credential becomes a cloud credential with these rights.
    """
    return ~holds(aliases["documents"], overly_permissive)


@check(
    severity="high",
    serves=["aws-iot-role-alias-no-device-scope"],
    remedy={"aws": "Scope prefixes and keys with ${credentials-iot:ThingName} or a condition on AwsCertificateId."},
    command={"aws": ROLE_POLICY},
    only={"provider": "aws"},
    passes=[{"documents": f"[{policy('s3:PutObject', 'arn:aws:s3:::logs/${credentials-iot:ThingName}/*')}]"}],
    fails=[{"documents": f"[{policy('s3:PutObject', 'arn:aws:s3:::logs/*')}]"}],
)
def role_alias_is_scoped_to_the_device(aliases: Rows[RoleAlias]) -> Verdict:
    """The role behind a role alias tells devices apart where they read or write data.

    Otherwise every device reads and writes every other device's objects.
    """
    return ~holds(aliases["documents"], reaches_other_devices_data)


@check(
    severity="low",
    serves=["aws-iot-role-alias-long-session"],
    remedy={"aws": "Lower credentialDurationSeconds to 3600."},
    command={
        "aws": ("aws iot update-role-alias --region {region} --role-alias {name} --credential-duration-seconds 3600"),
    },
    only={"provider": "aws"},
    passes=[{"session_seconds": 3600}],
    fails=[{"session_seconds": 43200}],
)
def role_alias_sessions_are_short(aliases: Rows[RoleAlias], *, seconds: int = 3600) -> Verdict:
    """Credentials from a role alias live for an hour at most.

    Revoking a certificate does not end sessions that are running.
    """
    return aliases["session_seconds"] <= seconds


@check(
    severity="medium",
    serves=["aws-iot-role-alias-unused-services"],
    remedy={"aws": "Take the services that no device uses out of the role's policies."},
    only={"provider": "aws"},
    passes=[{"unused_services": 0, "unused_days": 30}],
    fails=[{"unused_services": 1, "unused_days": 30}, {"unused_services": 0, "unused_days": 366}],
)
def role_alias_grants_only_services_in_use(aliases: Rows[RoleAlias], *, days: int = 365) -> Verdict:
    """The role behind a role alias grants only services that were used within a year.

    What no device uses is of use only to whoever steals a device's credential.
    """
    return (aliases["unused_services"] == 0) & (aliases["unused_days"] <= days)


@check(
    severity="medium",
    serves=["aws-iot-service-role-confused-deputy"],
    remedy={"aws": "Add conditions on aws:SourceAccount and aws:SourceArn to the role's trust policy."},
    command={
        "aws": (
            "aws iam update-assume-role-policy --role-name {resource.id}"
            " --policy-document file://YOUR_TRUST_POLICY.json"
        ),
    },
    only={"provider": "aws", "trusts_iot": True},
    passes=[{"source_condition": True}],
    fails=[{"source_condition": False}],
)
def role_names_who_may_make_iot_assume_it(identities: Rows[ServiceIdentity]) -> Verdict:
    """A role that AWS IoT may assume names the account that may cause it.

    Otherwise another account's rule can make the service use the role (confused deputy).
    """
    return identities["source_condition"]


@check(
    severity="medium",
    serves=["aws-iot-service-role-confused-deputy"],
    remedy={"aws": "Add the permission again with --source-account and --source-arn, and remove the old statement."},
    only={"provider": "aws", "trusts_iot": True},
    passes=[{"source_condition": True}],
    fails=[{"source_condition": False}],
)
def function_names_who_may_make_iot_call_it(functions: Rows[Function]) -> Verdict:
    """A function that AWS IoT may call names the account that may cause it.

    Otherwise a rule in another account can make AWS IoT call the function with messages of its own (confused deputy).
    """
    return functions["source_condition"]


@check(
    severity="high",
    serves=["aws-iam-iot-admin-broad"],
    remedy={"aws": "Split operator, provisioner and deployment duties, each with named resources or conditions."},
    only={"provider": "aws"},
    passes=[{"iot_admin": False}],
    fails=[{"iot_admin": True}],
)
def nobody_administers_every_device(grants: Rows[Grant]) -> Verdict:
    """No principal administers IoT on every resource.

    With iot:*, or the making of claims, certificates, jobs or tunnels, one stolen session takes over the fleet.
    """
    return ~grants["iot_admin"]


@check(
    severity="high",
    serves=["azure-iothub-local-auth-enabled", "azure-dps-local-auth-enabled"],
    remedy={"azure": "Move services to Entra ID roles, then set disableLocalAuth."},
    command={"azure": "az resource update --ids {resource} --set properties.disableLocalAuth=true"},
    only={"provider": "azure", "kind": ("iot hub", "provisioning service")},
    passes=[{"shared_access_keys": False}],
    fails=[{"shared_access_keys": True}],
)
def hub_refuses_shared_access_keys(hubs: Rows[Hub]) -> Verdict:
    """The hub's service APIs refuse shared access keys.

    Hub-wide keys bypass Entra identity and its audit.
    """
    return ~hubs["shared_access_keys"]


@check(
    severity="high",
    serves=["azure-iothub-key-holders-broad"],
    remedy={"azure": "Narrow Owner and Contributor on the hub and above it, or disable local authentication."},
    command={"azure": "az resource update --ids {resource} --set properties.disableLocalAuth=true"},
    only={"provider": "azure", "kind": ("iot hub", "provisioning service")},
    passes=[
        {"key_holders": 5, "shared_access_keys": True},
        {"key_holders": 50, "shared_access_keys": False},
    ],
    fails=[{"key_holders": 6, "shared_access_keys": True}],
)
def few_can_read_or_set_hub_keys(hubs: Rows[Hub], *, most: int = 5) -> Verdict:
    """Five people and groups at most can read or set the hub's keys.

    Whoever can write the resource can choose its keys, so every Contributor counts.
    """
    return (hubs["key_holders"] <= most) | ~hubs["shared_access_keys"]


@check(
    severity="medium",
    serves=["azure-iothub-data-role-broad-scope"],
    remedy={"azure": "Assign the role at the hub."},
    command={
        "azure": ("az role assignment create --assignee-object-id {principal} --role {right} --scope YOUR_HUB_ID"),
    },
    only={"provider": "azure", "iot_data_role": True},
    passes=[{"target_kind": "hub", "hubs_covered": 1}, {"target_kind": "resource group", "hubs_covered": 1}],
    fails=[{"target_kind": "account", "hubs_covered": 1}, {"target_kind": "resource group", "hubs_covered": 2}],
)
def data_role_ends_at_one_hub(grants: Rows[Grant]) -> Verdict:
    """A role on the IoT data plane is assigned at one hub.

    Assigned above, one compromise spans every hub below.
    """
    return (grants["target_kind"] == "hub") | (
        (grants["target_kind"] == "resource group") & (grants["hubs_covered"] <= 1)
    )


@check(
    severity="medium",
    serves=["azure-dps-hub-link-keybased"],
    remedy={"azure": "Link the hub with a managed identity, then disable its local authentication."},
    only={"provider": "azure", "kind": "provisioning service"},
    passes=[{"key_linked_hubs": 0}],
    fails=[{"key_linked_hubs": 1}],
)
def provisioning_reaches_hubs_without_keys(hubs: Rows[Hub]) -> Verdict:
    """The provisioning service reaches its hubs with an identity.

    A link by key stores a connection string and keeps the hub's shared access alive.
    """
    return hubs["key_linked_hubs"] == 0


@check(
    severity="critical",
    serves=["gcp-pubsub-public-iam"],
    remedy={"gcp": "Remove the binding, and set the organisation policy for domain-restricted sharing."},
    command=REVOKE,
    only={"provider": "gcp", "target_kind": ("topic", "subscription")},
    passes=[{"principal_kind": "service"}],
    fails=[{"principal_kind": "public"}],
)
def topic_is_not_open_to_everybody(grants: Rows[Grant]) -> Verdict:
    """No topic or subscription is open to everybody.

    Anybody could inject device data, or drain it.
    """
    return grants["principal_kind"] != "public"


@check(
    severity="medium",
    serves=["gcp-pubsub-external-member"],
    remedy={
        "gcp": "Reduce the outsider to roles/pubsub.publisher and name its project in gcp.trusted_projects, or remove it."
    },
    command={
        "gcp": (
            "gcloud pubsub topics remove-iam-policy-binding {name} --project={account} --member={principal}"
            " --role={right}"
        ),
    },
    severity_when={
        "high": {
            "right": (
                "roles/pubsub.admin",
                "roles/pubsub.editor",
                "roles/pubsub.subscriber",
                "roles/editor",
                "roles/owner",
            )
        }
    },
    only={"provider": "gcp", "target_kind": "topic"},
    passes=[{"external": False}],
    fails=[{"external": True}],
)
def topic_trusts_only_the_organisation(grants: Rows[Grant]) -> Verdict:
    """A topic trusts identities of the organisation only.

    A third party that may publish is part of the trust in every message.
    """
    return ~grants["external"]


@check(
    severity="medium",
    serves=["gcp-legacy-cloudiot-agent-binding"],
    remedy={"gcp": "Remove the binding of the retired Cloud IoT service agent."},
    command=REVOKE,
    severity_when={"low": {"deleted": True}, "high": {"right": ("roles/editor", "roles/owner")}},
    only={"provider": "gcp"},
    passes=[{"principal_kind": "service"}],
    fails=[{"principal_kind": "retired service"}],
)
def retired_service_holds_no_grant(grants: Rows[Grant]) -> Verdict:
    """The service agent of the retired Cloud IoT Core holds no grant.

    It is write access for an identity that nobody watches any more.
    """
    return grants["principal_kind"] != "retired service"


@check(
    severity="low",
    serves=["gcp-legacy-cloudiot-roles-and-api"],
    remedy={"gcp": "Remove the role, and disable cloudiot.googleapis.com."},
    command=REVOKE,
    only={"provider": "gcp"},
    passes=[{"retired_role": False}],
    fails=[{"retired_role": True}],
)
def retired_roles_are_gone(grants: Rows[Grant]) -> Verdict:
    """No role of the retired Cloud IoT Core is granted.

    Dead permissions hide the real ones.
    """
    return ~grants["retired_role"]


@check(
    severity="low",
    serves=["gcp-legacy-cloudiot-roles-and-api"],
    remedy={"gcp": "Disable cloudiot.googleapis.com in the project."},
    command={"gcp": "gcloud services disable cloudiot.googleapis.com --project={account}"},
    only={"provider": "gcp"},
    passes=[{"retired_api_enabled": False}],
    fails=[{"retired_api_enabled": True}],
)
def retired_api_is_off(detections: Rows[Detection]) -> Verdict:
    """The API of the retired Cloud IoT Core is off.

    What is left switched on is left unwatched.
    """
    return ~detections["retired_api_enabled"]


@check(
    severity="high",
    serves=["gcp-iot-sa-user-managed-keys"],
    remedy={"gcp": "Replace downloaded keys by workload identity federation or X.509 workload identity."},
    command={
        "gcp": ("gcloud iam service-accounts keys disable YOUR_KEY_ID --iam-account={resource.id} --project={account}"),
    },
    only={"provider": "gcp", "iot": True},
    passes=[{"user_managed_keys": 0}],
    fails=[{"user_managed_keys": 1}],
)
def service_account_has_no_downloaded_keys(identities: Rows[ServiceIdentity]) -> Verdict:
    """A service account of the IoT backend has no downloaded keys.

    Long-lived key files on gateways are the classic leak.
    """
    return identities["user_managed_keys"] == 0


@check(
    severity="high",
    serves=["gcp-iot-sa-basic-role"],
    remedy={"gcp": "Replace owner, editor and admin roles by a role on the topic or a custom role."},
    command={
        "gcp": (
            "gcloud projects remove-iam-policy-binding {account} --member=serviceAccount:{resource.id} --role=YOUR_ROLE"
        ),
    },
    only={"provider": "gcp", "iot": True},
    passes=[{"basic_role": False}],
    fails=[{"basic_role": True}],
)
def service_account_has_no_basic_role(identities: Rows[ServiceIdentity]) -> Verdict:
    """A service account of the IoT backend is neither owner, editor nor admin.

    It would be the path from a device to the project.
    """
    return ~identities["basic_role"]


@check(
    severity="high",
    serves=["gcp-pubsub-project-wide-role"],
    remedy={"gcp": "Bind the Pub/Sub role at the topic instead of the project."},
    command={
        "gcp": (
            "gcloud pubsub topics add-iam-policy-binding YOUR_TOPIC --project={account}"
            " --member=serviceAccount:{resource.id} --role=YOUR_ROLE"
        ),
    },
    only={"provider": "gcp", "iot": True},
    passes=[{"project_wide_messaging": False}],
    fails=[{"project_wide_messaging": True}],
)
def service_account_reaches_named_topics_only(identities: Rows[ServiceIdentity]) -> Verdict:
    """A service account of the IoT backend holds Pub/Sub roles on named topics only.

    One leaked key would otherwise reach every topic of the project.
    """
    return ~identities["project_wide_messaging"]


@check(
    severity="high",
    serves=["aws-iot-rule-role-broad"],
    remedy={"aws": "Give each rule a role of its own with the one action it needs, on the ARN of its target."},
    command={"aws": ROLE_POLICY},
    only={"provider": "aws"},
    passes=[
        {"service": "sqs", "documents": f"[{policy('sqs:SendMessage', 'arn:aws:sqs:eu-west-1:1:orders')}]"},
        {"service": "s3", "documents": f"[{policy('s3:PutObject', 'arn:aws:s3:::lake/*')}]"},
        {"service": "cloudwatch", "documents": f"[{policy('cloudwatch:PutMetricData', '*')}]"},
    ],
    fails=[
        {"service": "sqs", "documents": f"[{policy('sqs:SendMessage', '*')}]"},
        {"service": "sqs", "documents": f"[{policy('sqs:*', 'arn:aws:sqs:eu-west-1:1:orders')}]"},
        {"service": "sqs", "documents": f"[{policy('s3:PutObject', 'arn:aws:s3:::lake/*')}]"},
    ],
)
def rule_role_does_what_its_action_needs(roles: Rows[RuleRole]) -> Verdict:
    """The role of a rule action may do that action on that target, and nothing else.

    Otherwise a crafted message, or one edit of the rule, reaches data that has nothing to do with it.
    """
    return ~holds(roles["service"] + "\n" + roles["documents"], does_more)
