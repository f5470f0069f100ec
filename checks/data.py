"""Cloud data and storage: where device data goes is private, encrypted and does not pile up."""

from __future__ import annotations

from checks.check import check
from checks.command import TOPIC_RULE
from collectors.schema import Rows, Verdict
from collectors.tables.data import Route, Store, Topic
from collectors.tables.rule_targets import RuleDestination, RuleStore

ENDPOINTS = ("eventHubs", "serviceBusQueues", "serviceBusTopics", "storageContainers", "cosmosDBSqlContainers")


@check(
    severity="critical",
    serves=["aws-iot-bucket-public", "azure-iot-storage-public-blob", "gcp-iot-bucket-public"],
    remedy={
        "aws": "Turn all four Block Public Access settings of the bucket on.",
        "azure": "Set allowBlobPublicAccess to false.",
        "gcp": "Enforce public access prevention on the bucket.",
    },
    command={
        "aws": (
            "aws s3api put-public-access-block --bucket {name}"
            " --public-access-block-configuration BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true"
        ),
        "azure": "az storage account update --ids {resource} --allow-blob-public-access false",
        "gcp": "gcloud storage buckets update gs://{name} --public-access-prevention",
    },
    only={"holds_iot_data": True},
    passes=[{"public": False}],
    fails=[{"public": True}],
    ignores=[{"holds_iot_data": False}],
)
def store_is_not_public(stores: Rows[Store]) -> Verdict:
    """A store with device data or firmware is not public.

    Telemetry leaks, and an image that strangers can write is an image they wrote.
    """
    return ~stores["public"]


@check(
    severity="medium",
    serves=["aws-iot-bucket-no-tls-policy", "azure-iot-storage-transport"],
    remedy={
        "aws": "Deny every action on bucket and objects where aws:SecureTransport is false.",
        "azure": "Allow HTTPS only, and set the minimum TLS version to TLS1_2.",
    },
    command={
        "aws": "aws s3api put-bucket-policy --bucket {name} --policy file://YOUR_POLICY.json",
        "azure": "az storage account update --ids {resource} --https-only true --min-tls-version TLS1_2",
    },
    only={"provider": ("aws", "azure"), "holds_iot_data": True},
    passes=[{"refuses_plain_http": True}],
    fails=[{"refuses_plain_http": False}],
    ignores=[{"holds_iot_data": False}],
)
def store_refuses_plain_http(stores: Rows[Store]) -> Verdict:
    """A store with device data or firmware refuses plain HTTP and old TLS.

    Firmware and telemetry in clear text can be read, and firmware swapped, on the way.
    """
    return stores["refuses_plain_http"]


@check(
    severity="low",
    serves=["aws-iot-telemetry-no-lifecycle", "azure-iot-telemetry-no-lifecycle", "gcp-iot-telemetry-no-lifecycle"],
    remedy="Add a lifecycle rule that deletes old telemetry.",
    command={
        "aws": (
            "aws s3api put-bucket-lifecycle-configuration --bucket {name}"
            " --lifecycle-configuration file://YOUR_RULES.json"
        ),
        "azure": (
            "az storage account management-policy create --subscription {account}"
            " --resource-group {resource.group} --account-name {name} --policy @YOUR_RULES.json"
        ),
        "gcp": "gcloud storage buckets update gs://{name} --lifecycle-file=YOUR_RULES.json",
    },
    only={"holds_telemetry": True},
    passes=[{"expires_objects": True}],
    fails=[{"expires_objects": False}],
    ignores=[{"holds_telemetry": False}],
)
def telemetry_store_deletes_old_data(stores: Rows[Store]) -> Verdict:
    """A telemetry store deletes old data.

    Personal data of devices that is kept for ever can be lost for ever.
    """
    return stores["expires_objects"]


@check(
    severity="medium",
    serves=["azure-iot-storage-shared-key"],
    remedy={"azure": "Move file upload and routes to identities, then set allowSharedKeyAccess to false."},
    command={"azure": "az storage account update --ids {resource} --allow-shared-key-access false"},
    only={"provider": "azure", "holds_iot_data": True},
    passes=[{"shared_keys": False}],
    fails=[{"shared_keys": True}],
    ignores=[{"holds_iot_data": False}],
)
def store_refuses_account_keys(stores: Rows[Store]) -> Verdict:
    """A storage account with device data refuses account keys.

    An account key opens everything in the account and names nobody in its log.
    """
    return ~stores["shared_keys"]


@check(
    severity="medium",
    serves=["gcp-iot-bucket-acl-mode"],
    remedy={"gcp": "Enable uniform bucket-level access."},
    command={"gcp": "gcloud storage buckets update gs://{name} --uniform-bucket-level-access"},
    only={"provider": "gcp", "holds_iot_data": True},
    passes=[{"object_acls": False}],
    fails=[{"object_acls": True}],
    ignores=[{"holds_iot_data": False}],
)
def store_has_one_access_policy(stores: Rows[Store]) -> Verdict:
    """A bucket with device data has one access policy for all objects.

    Exceptions on single objects escape every review.
    """
    return ~stores["object_acls"]


@check(
    severity="medium",
    serves=["azure-iothub-route-keybased"],
    remedy={"azure": "Switch the endpoint to identityBased and give the hub's identity a data sender role."},
    only={"provider": "azure", "kind": ENDPOINTS},
    passes=[{"keyed": False}],
    fails=[{"keyed": True}],
    ignores=[{"kind": "fileUpload"}],
)
def route_authenticates_by_identity(routes: Rows[Route]) -> Verdict:
    """A routing endpoint is reached with an identity.

    With keys, long-lived secrets of downstream stores lie in the hub.
    """
    return ~routes["keyed"]


@check(
    severity="high",
    serves=["azure-iothub-fileupload-keybased"],
    remedy={
        "azure": "Switch file upload to identityBased with Storage Blob Data Contributor, and its SAS lifetime to PT1H."
    },
    command={
        "azure": (
            "az iot hub update --ids {resource} --fileupload-storage-auth-type identityBased"
            " --fileupload-storage-identity '[system]' --fileupload-sas-ttl 1"
        ),
    },
    only={"provider": "azure", "kind": "fileUpload"},
    passes=[{"keyed": False, "upload_hours": 1}],
    fails=[{"keyed": True, "upload_hours": 1}, {"keyed": False, "upload_hours": 2}],
    ignores=[{"kind": "storageContainers"}],
)
def file_upload_uses_identity_and_short_urls(routes: Rows[Route], *, hours: int = 1) -> Verdict:
    """Device file upload uses an identity and URLs that end within the hour.

    A storage key in the hub opens the account, and an upload URL that leaks works for as long as it lives.
    """
    return ~routes["keyed"] & (routes["upload_hours"] <= hours)


@check(
    severity="critical",
    serves=["aws-iot-rule-s3-public-acl"],
    remedy={"aws": "Remove cannedAcl from the rule's S3 action."},
    command={"aws": TOPIC_RULE},
    only={"provider": "aws", "kind": "s3"},
    passes=[{"public_acl": False}],
    fails=[{"public_acl": True}],
    ignores=[{"kind": "firehose"}],
)
def rule_writes_private_objects(routes: Rows[Route]) -> Verdict:
    """A rule writes device data to S3 without a public ACL.

    With one, everything devices report is published to the internet.
    """
    return ~routes["public_acl"]


@check(
    severity="low",
    serves=["aws-iot-rule-no-error-action"],
    remedy={"aws": "Give the rule an error action to SQS or CloudWatch Logs."},
    command={"aws": TOPIC_RULE},
    only={"provider": "aws", "enabled": True},
    passes=[{"caught_errors": True}],
    fails=[{"caught_errors": False}],
    ignores=[{"enabled": False}],
)
def rule_catches_its_errors(routes: Rows[Route]) -> Verdict:
    """A rule has an error action.

    Without one, messages that cannot be delivered are dropped in silence.
    """
    return routes["caught_errors"]


@check(
    severity="medium",
    serves=["aws-iot-sink-unencrypted"],
    remedy={"aws": "Enable server-side encryption on the stream, queue or topic."},
    command={
        "aws kinesis": (
            "aws kinesis start-stream-encryption --region {region} --stream-name {target}"
            " --encryption-type KMS --key-id YOUR_KEY_ID"
        ),
        "aws sns": (
            "aws sns set-topic-attributes --region {target.region} --topic-arn {target}"
            " --attribute-name KmsMasterKeyId --attribute-value YOUR_KEY_ID"
        ),
    },
    only={"provider": "aws", "kind": ("kinesis", "firehose", "sqs", "sns")},
    passes=[{"encrypted_at_rest": True}],
    fails=[{"encrypted_at_rest": False}],
    ignores=[{"kind": "s3"}],
)
def rule_target_encrypts_at_rest(routes: Rows[Route]) -> Verdict:
    """The stream, queue or topic a rule writes to encrypts what it keeps.

    Otherwise whoever reaches the storage reads the messages.
    """
    return routes["encrypted_at_rest"]


@check(
    severity="medium",
    serves=["aws-iot-rule-republish-injection"],
    remedy={"aws": "Derive the target topic from ${clientid()} with a bounded Connect, or use a fixed topic."},
    command={"aws": TOPIC_RULE},
    only={"provider": "aws", "kind": "republish"},
    passes=[{"reserved_from_message": False}],
    fails=[{"reserved_from_message": True}],
    ignores=[{"kind": "lambda"}],
)
def republish_does_not_let_messages_choose_reserved_topics(routes: Rows[Route]) -> Verdict:
    """A message does not choose the reserved topic it is republished to.

    Otherwise one device drives another device's shadow through the rules engine.
    """
    return ~routes["reserved_from_message"]


@check(
    severity="low",
    profile="cmek-required",
    serves=["gcp-pubsub-no-cmek"],
    remedy={"gcp": "Set kmsKeyName on the topic."},
    command={
        "gcp": ("gcloud pubsub topics update {name} --project={account} --topic-encryption-key=YOUR_KEY_NAME"),
    },
    only={"provider": "gcp", "kind": "topic", "telemetry": True},
    passes=[{"customer_key": True}],
    fails=[{"customer_key": False}],
    ignores=[{"kind": "subscription"}, {"telemetry": False}],
)
def topic_has_a_customer_key(topics: Rows[Topic]) -> Verdict:
    """A telemetry topic is encrypted with a customer-managed key.

    A key of your own is one that you can withdraw.
    """
    return topics["customer_key"]


@check(
    severity="low",
    profile="data-residency",
    serves=["gcp-pubsub-region-unrestricted"],
    remedy={"gcp": "Set messageStoragePolicy.allowedPersistenceRegions on the topic."},
    command={
        "gcp": (
            "gcloud pubsub topics update {name} --project={account}"
            " --message-storage-policy-allowed-regions=YOUR_REGIONS"
        ),
    },
    only={"provider": "gcp", "kind": "topic", "telemetry": True},
    passes=[{"regions": 1}],
    fails=[{"regions": 0}],
    ignores=[{"kind": "subscription"}, {"telemetry": False}],
)
def topic_names_its_regions(topics: Rows[Topic]) -> Verdict:
    """A telemetry topic names the regions that may store its messages.

    Otherwise personal data may leave the region that was agreed.
    """
    return topics["regions"] > 0


@check(
    severity="low",
    serves=["gcp-pubsub-no-schema"],
    remedy={"gcp": "Bind an Avro or Protocol Buffers schema to the topic."},
    command={
        "gcp": ("gcloud pubsub topics update {name} --project={account} --schema=YOUR_SCHEMA --message-encoding=json"),
    },
    only={"provider": "gcp", "kind": "topic", "telemetry": True},
    passes=[{"schema_bound": True}],
    fails=[{"schema_bound": False}],
    ignores=[{"kind": "subscription"}, {"telemetry": False}],
)
def topic_checks_its_messages(topics: Rows[Topic]) -> Verdict:
    """A telemetry topic accepts only messages that fit its schema.

    Otherwise whatever a device sends reaches the code behind it.
    """
    return topics["schema_bound"]


@check(
    severity="low",
    controls=["ISVS 2.3.1", "NIST-CSF-2.0 PR.DS-02", "ETSI-EN-303-645 5.8-2"],
    remedy={"aws": "Confirm the destination again, over HTTPS, or delete it with the actions that lead to it."},
    command={
        "aws http": "aws iot update-topic-rule-destination --region {region} --arn {resource} --status IN_PROGRESS",
    },
    only={"provider": "aws"},
    passes=[
        {"in_use": True, "status": "ENABLED", "plain_http": False},
        {"in_use": False, "status": "DISABLED", "plain_http": True},
    ],
    fails=[
        {"in_use": True, "status": "ERROR", "plain_http": False},
        {"in_use": True, "status": "ENABLED", "plain_http": True},
    ],
)
def rule_destination_is_confirmed(destinations: Rows[RuleDestination]) -> Verdict:
    """A destination that rules send to is confirmed and has TLS.

    What is sent to one that is not confirmed is lost, and without TLS it is read and changed on the way.
    """
    return ~destinations["in_use"] | (destinations["status"] == "ENABLED") & ~destinations["plain_http"]


@check(
    severity="low",
    profile="cmk-required",
    controls=["ISVS 2.3.1", "NIST-CSF-2.0 PR.DS-01", "ETSI-EN-303-645 5.8-2"],
    remedy={"aws": "Encrypt the table or database with a KMS key that you manage."},
    command={
        "aws dynamodb": (
            "aws dynamodb update-table --region {region} --table-name {name}"
            " --sse-specification Enabled=true,SSEType=KMS,KMSMasterKeyId=YOUR_KEY_ARN"
        ),
        "aws timestream": (
            "aws timestream-write update-database --region {region} --database-name {name} --kms-key-id YOUR_KEY_ARN"
        ),
    },
    only={"provider": "aws"},
    passes=[{"customer_key": True}],
    fails=[{"customer_key": False}],
)
def rule_store_has_a_customer_key(stores: Rows[RuleStore]) -> Verdict:
    """A table or database that rules write to is encrypted with a key of the customer.

    It is always encrypted; only a key of one's own can be withdrawn.
    """
    return stores["customer_key"]


@check(
    severity="low",
    controls=["NIST-CSF-2.0 PR.DS-11", "ETSI-EN-303-645 5.9-1"],
    remedy={"aws": "Turn point-in-time recovery of the table on."},
    command={
        "aws": (
            "aws dynamodb update-continuous-backups --region {region} --table-name {name}"
            " --point-in-time-recovery-specification PointInTimeRecoveryEnabled=true"
        ),
    },
    only={"provider": "aws", "kind": "dynamodb"},
    passes=[{"recoverable": True}],
    fails=[{"recoverable": False}],
    ignores=[{"kind": "timestream"}],
)
def rule_store_can_be_restored(stores: Rows[RuleStore]) -> Verdict:
    """A DynamoDB table that rules write to can be restored to an earlier moment.

    Otherwise what a faulty rule or a stolen credential overwrites is gone.
    """
    return stores["recoverable"]
