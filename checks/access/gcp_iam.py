"""Google Cloud IAM: who may use topics, service accounts, and what the retired Cloud IoT Core left behind."""

from __future__ import annotations

from checks.check import check
from checks.command import REVOKE
from collectors.schema import Rows, Verdict
from collectors.tables.access import Grant, ServiceIdentity
from collectors.tables.hub import Detection


@check(
    severity="critical",
    serves=["gcp-pubsub-public-iam"],
    remedy={"gcp": "Remove the binding, and set the organisation policy for domain-restricted sharing."},
    command=REVOKE,
    only={"provider": "gcp", "target_kind": ("topic", "subscription")},
    passes=[{"principal_kind": "service"}],
    fails=[
        {"principal_kind": "public", "target_kind": "topic"},
        {"principal_kind": "public", "target_kind": "subscription"},
    ],
    ignores=[{"target_kind": "bucket"}],
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
    fails=[
        {"external": True, "right": "roles/pubsub.publisher"},
        {"external": True, "right": "roles/pubsub.subscriber"},
    ],
    ignores=[{"target_kind": "subscription"}],
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
    fails=[
        {"principal_kind": "retired service", "right": "roles/pubsub.publisher", "deleted": False},
        {"principal_kind": "retired service", "right": "roles/pubsub.publisher", "deleted": True},
        {"principal_kind": "retired service", "right": "roles/editor", "deleted": False},
    ],
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
    ignores=[{"iot": False}],
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
    ignores=[{"iot": False}],
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
    ignores=[{"iot": False}],
)
def service_account_reaches_named_topics_only(identities: Rows[ServiceIdentity]) -> Verdict:
    """A service account of the IoT backend holds Pub/Sub roles on named topics only.

    One leaked key would otherwise reach every topic of the project.
    """
    return ~identities["project_wide_messaging"]
