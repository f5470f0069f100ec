"""AWS IoT policies: a device acts only for itself, by each policy and by all its policies together."""

from __future__ import annotations

from checks.check import check, proven
from checks.command import POLICY_VERSION
from checks.policy.bypassed_deny import delivers_what_it_denies, denies_with_mqtt_wildcard
from checks.policy.device import (
    acts_on_others,
    allows_every_action,
    assumes_any_role,
    connects_as_anyone,
    listens_to_others,
    publishes_for_others,
)
from checks.policy.document import holds
from checks.policy.examples import OWN, in_force, iot, policy, statements
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
from collectors.tables.access import Policy, Principal


@check(
    severity="critical",
    serves=["aws-iot-policy-wildcard-connect"],
    remedy={"aws": "Allow iot:Connect on client/${iot:Connection.Thing.ThingName} with the condition IsAttached."},
    command={"aws": POLICY_VERSION},
    only={"provider": "aws", "claim": False},
    passes=[{"document": policy("iot:Connect", iot(f"client/{OWN}"))}],
    fails=[{"document": policy("iot:Connect", iot("client/*"))}, {"document": policy("iot:*", "*")}],
    ignores=[{"claim": True}],
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
    open=[{"document": statements(("Allow", "Publish", "topic/${iot:ClientId}/data")), "judged_together": False}],
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
