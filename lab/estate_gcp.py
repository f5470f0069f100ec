"""What Nordwind Pumps keeps in Google Cloud: a project that grew for nine years, and a small one that is well kept.

Every reply is Google's own JSON. Each fact that the product reads is there once as it should be and once as it should
not be.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from lab.estate_devices import BINARY_CANARY, Devices, Registries, ago, google
from lab.server import CANARY

Json = dict[str, Any]

PROJECT, EDGE = "nordwind-iot", "nordwind-edge"
NUMBERS = {PROJECT: "412290710777", EDGE: "977310042118"}
ORGANIZATION, FOLDER = "organizations/880020447100", "folders/551903377264"
DOMAIN = "nordwind-pumps.example"
HOSTILE = "<img src=x onerror=alert(1)>"

RETIRED_AGENT = f"serviceAccount:service-{NUMBERS[PROJECT]}@gcp-sa-cloudiot.iam.gserviceaccount.com"
RETIRED_SYSTEM = "serviceAccount:cloud-iot@system.gserviceaccount.com"


def email(name: str, project: str = PROJECT) -> str:
    """The address of a service account."""
    return f"{name}@{project}.iam.gserviceaccount.com"


def member(name: str, project: str = PROJECT) -> str:
    """A service account as a member of a policy."""
    return f"serviceAccount:{email(name, project)}"


BRIDGE, GATEWAY, PIPELINE = member("telemetry-bridge"), member("device-gateway"), member("release-pipeline")
COMPUTE = f"serviceAccount:{NUMBERS[PROJECT]}-compute@developer.gserviceaccount.com"


def policy(*bindings: tuple[str, list[str]], **more: Any) -> Json:
    """A policy of roles and members."""
    return {
        "version": 1,
        "etag": "BwYk2Q0eXyA=",
        "bindings": [{"role": role, "members": members} for role, members in bindings],
    } | more


def conditional(given: Json) -> Json:
    """The policy with its bindings limited to office hours."""
    hours = {"title": "office hours", "expression": "request.time.getHours('Europe/Oslo') < 18"}
    return given | {"version": 3, "bindings": [binding | {"condition": hours} for binding in given["bindings"]]}


@dataclass
class Estate:
    """Everything the lab's Google answers from; policies by the resource's name."""

    projects: dict[str, Json]
    policies: dict[str, Json]
    registries: Registries
    devices: Devices
    topics: dict[str, list[Json]] = field(default_factory=dict)
    subscriptions: dict[str, list[Json]] = field(default_factory=dict)
    snapshots: dict[str, list[Json]] = field(default_factory=dict)
    accounts: dict[str, list[Json]] = field(default_factory=dict)
    account_keys: dict[str, list[Json]] = field(default_factory=dict)
    roles: dict[str, list[Json]] = field(default_factory=dict)
    buckets: dict[str, list[Json]] = field(default_factory=dict)
    object_acls: dict[str, list[Json]] = field(default_factory=dict)
    rings: dict[str, list[Json]] = field(default_factory=dict)
    keys: dict[str, list[Json]] = field(default_factory=dict)
    versions: dict[str, list[Json]] = field(default_factory=dict)
    services: dict[str, list[str]] = field(default_factory=dict)


LOCATIONS = ("europe-west1", "global", "us-central1")
"""Where the lab's Cloud KMS is."""


def estate(now: datetime) -> Estate:
    """The estate as of now."""
    registries, devices = google(PROJECT, now)
    made = Estate(projects=_projects(now), policies=_policies(), registries=registries, devices=devices)
    _messaging(made)
    _accounts(made, now)
    _storage(made, now)
    _keys(made, now)
    made.services = {
        PROJECT: ["cloudiot", "cloudkms", "iam", "pubsub", "storage"],
        EDGE: ["cloudkms", "iam", "pubsub", "storage"],
    }
    return made


def _projects(now: datetime) -> dict[str, Json]:
    parents = {PROJECT: FOLDER, EDGE: ORGANIZATION}
    titles = {PROJECT: "Nordwind IoT", EDGE: "Nordwind Edge"}
    return {
        project: {
            "name": f"projects/{NUMBERS[project]}",
            "projectId": project,
            "parent": parents[project],
            "displayName": titles[project],
            "state": "ACTIVE",
            "createTime": ago(now, days=3200),
        }
        for project in (PROJECT, EDGE)
    }


def _policies() -> dict[str, Json]:
    exempt = [f"user:auditor@{DOMAIN}"]
    partly = [
        {"service": "pubsub.googleapis.com", "auditLogConfigs": [{"logType": "DATA_READ", "exemptedMembers": exempt}]}
    ]
    wholly = [{"service": "allServices", "auditLogConfigs": [{"logType": "DATA_READ"}, {"logType": "DATA_WRITE"}]}]
    return {
        f"projects/{PROJECT}": policy(
            ("roles/owner", [f"user:founder@{DOMAIN}"]),
            ("roles/editor", [GATEWAY, COMPUTE, f"user:plant@{DOMAIN}"]),
            ("roles/pubsub.publisher", [BRIDGE]),
            ("roles/cloudiot.provisioner", [f"group:field-engineers@{DOMAIN}"]),
            ("roles/cloudiot.serviceAgent", [RETIRED_AGENT]),
            ("roles/storage.admin", [f"group:platform@{DOMAIN}"]),
            ("roles/cloudkms.cryptoOperator", [f"group:platform@{DOMAIN}"]),
            ("roles/viewer", [f"domain:{DOMAIN}"]),
            auditConfigs=partly,
        ),
        f"projects/{EDGE}": policy(("roles/owner", [f"group:platform@{DOMAIN}"]), auditConfigs=wholly),
        FOLDER: policy(("roles/viewer", [f"group:platform@{DOMAIN}"])),
        ORGANIZATION: policy(("roles/resourcemanager.organizationAdmin", [f"group:platform@{DOMAIN}"])),
    }


def _messaging(made: Estate) -> None:
    at = f"projects/{PROJECT}"
    ring = f"{at}/locations/us-central1/keyRings/iot"

    def topic(name: str, **more: Any) -> Json:
        return {"name": f"{at}/topics/{name}", "state": "ACTIVE"} | more

    def subscription(name: str, on: str, **more: Any) -> Json:
        base = {"name": f"{at}/subscriptions/{name}", "topic": f"{at}/topics/{on}", "state": "ACTIVE", "pushConfig": {}}
        return base | more

    def push(url: str, account: str = "") -> Json:
        token = {"oidcToken": {"serviceAccountEmail": email(account), "audience": url}} if account else {}
        return {"pushConfig": {"pushEndpoint": url, "attributes": {"x-goog-version": "v1"}} | token}

    made.topics[PROJECT] = [
        topic(
            "pump-telemetry",
            labels={"iot": "true", "team": "pumps"},
            kmsKeyName=f"{ring}/cryptoKeys/telemetry",
            messageStoragePolicy={"allowedPersistenceRegions": ["us-central1", "us-east1"], "enforceInTransit": True},
            schemaSettings={"schema": f"{at}/schemas/pump", "encoding": "JSON"},
        ),
        topic("legacy-events"),
        topic("station-events", labels={"team": "stations"}),
        topic("old-gateway-feed"),
        topic("billing-exports", labels={"team": "finance"}),
    ]
    made.topics[EDGE] = [{"name": f"projects/{EDGE}/topics/edge-jobs", "state": "ACTIVE"}]
    made.subscriptions[PROJECT] = [
        subscription(
            "analytics-push", "pump-telemetry", **push("https://ingest.nordwind-pumps.example/v1", "push-invoker")
        ),
        subscription(
            "legacy-webhook", "legacy-events", **push(f"http://hooks.nordwind-pumps.example/in?token={CANARY}")
        ),
        subscription("partner-webhook", "station-events", **push(f"https://partner.example/iot?token={CANARY}")),
        subscription(
            "telemetry-archive",
            "pump-telemetry",
            cloudStorageConfig={"bucket": "nordwind-telemetry-archive", "state": "ACTIVE"},
        ),
        subscription(
            "legacy-dump",
            "legacy-events",
            cloudStorageConfig={"bucket": "nordwind-telemetry-public", "state": "ACTIVE"},
        ),
        subscription(
            "warehouse",
            "pump-telemetry",
            bigqueryConfig={
                "table": f"{PROJECT}.telemetry.raw",
                "state": "ACTIVE",
                "serviceAccountEmail": email("warehouse-writer"),
            },
        ),
        subscription("worker-pull", "legacy-events"),
        subscription("invoices", "billing-exports", detached=True),
    ]
    made.snapshots[PROJECT] = [
        {"name": f"{at}/snapshots/before-migration", "topic": f"{at}/topics/legacy-events"},
    ]
    made.policies |= {
        f"{at}/topics/pump-telemetry": policy(("roles/pubsub.publisher", [BRIDGE])),
        f"{at}/topics/legacy-events": policy(
            ("roles/pubsub.publisher", ["allUsers", GATEWAY, RETIRED_SYSTEM, f"deleted:{RETIRED_AGENT}?uid=1177"])
        ),
        f"{at}/topics/station-events": policy(
            ("roles/pubsub.publisher", [member("bridge", "hosted-iot-platform")]),
            ("roles/pubsub.viewer", ["user:contractor@partner.example", f"user:plant@{DOMAIN}"]),
        ),
        f"{at}/topics/old-gateway-feed": policy(("roles/pubsub.publisher", [RETIRED_AGENT])),
        f"{at}/subscriptions/worker-pull": policy(("roles/pubsub.subscriber", ["allAuthenticatedUsers"])),
        f"{at}/subscriptions/telemetry-archive": conditional(
            policy(("roles/pubsub.subscriber", [member("archive-reader")]))
        ),
        f"{at}/snapshots/before-migration": policy(("roles/pubsub.subscriber", [f"user:plant@{DOMAIN}"])),
    }


def _accounts(made: Estate, now: datetime) -> None:
    def account(name: str, address: str, **more: Any) -> Json:
        return {
            "name": f"projects/{PROJECT}/serviceAccounts/{address}",
            "projectId": PROJECT,
            "email": address,
            "uniqueId": str(100_000_000_000_000_000_000 + len(address)),
            "displayName": name,
        } | more

    def key(name: str, address: str, days: float, **more: Any) -> Json:
        return {
            "name": f"projects/{PROJECT}/serviceAccounts/{address}/keys/{name}",
            "keyType": "USER_MANAGED",
            "keyOrigin": "GOOGLE_PROVIDED",
            "keyAlgorithm": "KEY_ALG_RSA_2048",
            "validAfterTime": ago(now, days=days),
            "validBeforeTime": "9999-12-31T23:59:59Z",
            "privateKeyData": BINARY_CANARY,
        } | more

    made.accounts[PROJECT] = [
        account("Telemetry bridge", email("telemetry-bridge")),
        account("Device gateway", email("device-gateway"), description="=1+1"),
        account("Push invoker", email("push-invoker")),
        account("Warehouse writer", email("warehouse-writer")),
        account("Archive reader", email("archive-reader")),
        account("Release pipeline", email("release-pipeline")),
        account(HOSTILE, email("accounting"), disabled=True),
        account("Compute Engine default", COMPUTE.removeprefix("serviceAccount:")),
    ]
    made.account_keys = {
        email("telemetry-bridge"): [
            key("a1", email("telemetry-bridge"), 400),
            key("a2", email("telemetry-bridge"), 20),
            key("a3", email("telemetry-bridge"), 900, disabled=True),
        ],
        email("accounting"): [key("c1", email("accounting"), 30)],
    }
    made.roles[PROJECT] = [
        {
            "name": f"projects/{PROJECT}/roles/firmwarePublisher",
            "title": "Firmware publisher",
            "stage": "GA",
            "includedPermissions": ["storage.objects.create", "storage.objects.get"],
        },
        {
            "name": f"projects/{PROJECT}/roles/firmwareReader",
            "title": "Firmware reader",
            "stage": "GA",
            "includedPermissions": ["storage.objects.get"],
        },
    ]


def _storage(made: Estate, now: datetime) -> None:
    def bucket(name: str, uniform: bool, prevention: str, **more: Any) -> Json:
        return {
            "kind": "storage#bucket",
            "id": name,
            "name": name,
            "projectNumber": NUMBERS[PROJECT],
            "location": "US-CENTRAL1",
            "locationType": "region",
            "storageClass": "STANDARD",
            "timeCreated": ago(now, days=900),
            "updated": ago(now, days=10),
            "iamConfiguration": {
                "uniformBucketLevelAccess": {"enabled": uniform},
                "bucketPolicyOnly": {"enabled": uniform},
                "publicAccessPrevention": prevention,
            },
        } | more

    tidy = {"rule": [{"action": {"type": "Delete"}, "condition": {"age": 365}}]}
    colder = {"rule": [{"action": {"type": "SetStorageClass", "storageClass": "COLDLINE"}, "condition": {"age": 30}}]}
    made.buckets[PROJECT] = [
        bucket("nordwind-telemetry-archive", True, "enforced", lifecycle=tidy),
        bucket("nordwind-telemetry-public", False, "inherited", lifecycle=colder),
        bucket("nordwind-firmware", True, "enforced", labels={"firmware": "true"}, versioning={"enabled": True}),
        bucket("nordwind-ota-legacy", False, "inherited", labels={"purpose": "ota"}, versioning={"enabled": False}),
        bucket(
            "nordwind-invoices",
            True,
            "inherited",
            labels={"firmware": "false"},
            retentionPolicy={"retentionPeriod": "31536000", "isLocked": True, "effectiveTime": ago(now, days=100)},
        ),
    ]
    made.buckets[EDGE] = [
        bucket("nordwind-edge-firmware", True, "enforced", labels={"firmware": "true"}, versioning={"enabled": True})
        | {"projectNumber": NUMBERS[EDGE]}
    ]
    public, ota = "nordwind-telemetry-public", "nordwind-ota-legacy"
    made.object_acls = {
        public: [
            {"kind": "storage#objectAccessControl", "entity": f"project-viewers-{NUMBERS[PROJECT]}", "role": "READER"}
        ],
        ota: [{"kind": "storage#objectAccessControl", "entity": "allUsers", "role": "READER"}],
    }
    legacy = ("roles/storage.legacyBucketOwner", [f"projectEditor:{PROJECT}", f"projectOwner:{PROJECT}"])
    made.policies |= {
        "buckets/nordwind-telemetry-archive": policy(("roles/storage.objectViewer", [member("archive-reader")])),
        f"buckets/{public}": policy(legacy, ("roles/storage.objectViewer", ["allUsers"])),
        "buckets/nordwind-firmware": policy(
            ("roles/storage.objectUser", [PIPELINE]),
            (f"projects/{PROJECT}/roles/firmwareReader", [GATEWAY]),
            ("roles/storage.objectViewer", ["allUsers"]),
        ),
        f"buckets/{ota}": policy(
            legacy,
            ("roles/storage.objectAdmin", [PIPELINE, f"user:founder@{DOMAIN}", "user:contractor@partner.example"]),
            (f"projects/{PROJECT}/roles/firmwarePublisher", [f"group:field-engineers@{DOMAIN}"]),
        ),
        "buckets/nordwind-edge-firmware": policy(("roles/storage.objectUser", [member("release-pipeline", EDGE)])),
        "buckets/nordwind-invoices": policy(("roles/storage.objectViewer", [f"group:finance@{DOMAIN}"])),
    }


def _keys(made: Estate, now: datetime) -> None:
    at = f"projects/{PROJECT}/locations"
    iot, exchange = f"{at}/us-central1/keyRings/iot", f"{at}/europe-west1/keyRings/partner-exchange"
    made.rings = {
        f"{at}/us-central1": [{"name": iot, "createTime": ago(now, days=800)}],
        f"{at}/europe-west1": [{"name": exchange, "createTime": ago(now, days=700)}],
    }

    def key(ring: str, name: str, purpose: str, level: str, algorithm: str, **more: Any) -> Json:
        return {
            "name": f"{ring}/cryptoKeys/{name}",
            "purpose": purpose,
            "createTime": ago(now, days=600),
            "versionTemplate": {"protectionLevel": level, "algorithm": algorithm},
        } | more

    def version(of: str, number: int, state: str, **more: Any) -> Json:
        return {"name": f"{of}/cryptoKeyVersions/{number}", "state": state, "createTime": ago(now, days=600)} | more

    def symmetric(ring: str, name: str, state: str, **more: Any) -> Json:
        primary = version(f"{ring}/cryptoKeys/{name}", 1, state, protectionLevel="SOFTWARE")
        return key(ring, name, "ENCRYPT_DECRYPT", "SOFTWARE", "GOOGLE_SYMMETRIC_ENCRYPTION", primary=primary, **more)

    signing = key(iot, "firmware-signing", "ASYMMETRIC_SIGN", "HSM", "EC_SIGN_P256_SHA256", labels={"firmware": "true"})
    imported = key(
        iot,
        "legacy-firmware",
        "ASYMMETRIC_SIGN",
        "SOFTWARE",
        "RSA_SIGN_PKCS1_2048_SHA256",
        labels={"use": "firmware-signing"},
        importOnly=True,
    )
    tokens = key(iot, "tokens", "MAC", "SOFTWARE", "HMAC_SHA256")
    made.keys = {
        iot: [
            symmetric(iot, "telemetry", "ENABLED", rotationPeriod="2592000s", nextRotationTime=ago(now, days=-10)),
            symmetric(iot, "archive", "ENABLED"),
            symmetric(iot, "yearly", "ENABLED", rotationPeriod="31536000s", nextRotationTime=ago(now, days=-90)),
            signing,
            imported,
            tokens,
        ],
        exchange: [symmetric(exchange, "partner", "ENABLED"), symmetric(exchange, "retired", "DISABLED")],
    }
    made.versions = {
        signing["name"]: [version(signing["name"], 1, "ENABLED", protectionLevel="HSM")],
        imported["name"]: [
            version(
                imported["name"],
                1,
                "ENABLED",
                protectionLevel="SOFTWARE",
                importJob=f"{iot}/importJobs/job-1",
                importTime=ago(now, days=590),
            )
        ],
        tokens["name"]: [version(tokens["name"], 1, "DISABLED", protectionLevel="SOFTWARE")],
    }
    team = [f"user:{name}@{DOMAIN}" for name in ("anna", "ben", "carla")]
    made.policies |= {
        iot: policy(("roles/cloudkms.admin", [f"group:platform@{DOMAIN}"])),
        exchange: policy(("roles/cloudkms.cryptoKeyEncrypterDecrypter", ["allAuthenticatedUsers"])),
        signing["name"]: policy(("roles/cloudkms.signer", [PIPELINE])),
        imported["name"]: policy(("roles/cloudkms.signerVerifier", [PIPELINE, BRIDGE, *team])),
    }
