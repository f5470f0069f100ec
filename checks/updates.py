"""OTA and update infrastructure: what devices run is signed, kept unchanged, and written by few."""

from __future__ import annotations

from checks.check import check
from collectors.schema import Rows, Verdict
from collectors.tables.data import Store, Update
from collectors.tables.fleet import Job, PackageVersion


@check(
    severity="critical",
    serves=["aws-iot-ota-unsigned"],
    remedy={"aws": "Sign the files with AWS Signer, or give a custom code signature."},
    command={
        "aws": (
            "aws iot create-ota-update --region {region} --ota-update-id YOUR_NEW_ID"
            " --targets YOUR_TARGET_ARN --files file://YOUR_SIGNED_FILES.json --role-arn YOUR_ROLE_ARN"
        ),
    },
    only={"provider": "aws", "active": True},
    passes=[{"unsigned_files": 0}],
    fails=[{"unsigned_files": 1}],
    ignores=[{"active": False}],
)
def update_is_signed(updates: Rows[Update]) -> Verdict:
    """Every file of an OTA update is signed.

    Without a signature, whoever controls the bucket controls the fleet.
    """
    return updates["unsigned_files"] == 0


@check(
    severity="medium",
    serves=["aws-iot-firmware-bucket-unversioned", "gcp-ota-bucket-overwritable"],
    remedy={
        "aws": "Enable versioning, and consider Object Lock.",
        "gcp": "Enable object versioning or a locked retention policy.",
    },
    command={
        "aws": ("aws s3api put-bucket-versioning --bucket {name} --versioning-configuration Status=Enabled"),
        "gcp": "gcloud storage buckets update gs://{name} --versioning",
    },
    only={"provider": ("aws", "gcp"), "holds_firmware": True},
    passes=[{"versioned": True}],
    fails=[{"versioned": False}],
    ignores=[{"holds_firmware": False}],
)
def firmware_store_keeps_what_was_overwritten(stores: Rows[Store]) -> Verdict:
    """A firmware store keeps what was overwritten.

    Otherwise an image can be swapped without trace.
    """
    return stores["versioned"]


@check(
    severity="high",
    serves=["gcp-ota-bucket-writers-broad"],
    remedy={"gcp": "Let one pipeline identity write, and nobody else; remove the convenience members."},
    command={
        "gcp": (
            "gcloud storage buckets remove-iam-policy-binding gs://{name} --member=YOUR_SURPLUS_MEMBER --role=YOUR_ROLE"
        ),
    },
    only={"provider": "gcp", "holds_firmware": True},
    passes=[{"writers": 1}],
    fails=[{"writers": 2}],
    ignores=[{"holds_firmware": False}],
)
def one_pipeline_writes_firmware(stores: Rows[Store], *, most: int = 1) -> Verdict:
    """One identity, the release pipeline, can replace firmware.

    Every other writer is a way into the supply chain.
    """
    return stores["writers"] <= most


@check(
    severity="high",
    serves=["aws-iot-job-insecure-firmware-url"],
    remedy={"aws": "Use the placeholder ${aws:iot:s3-presigned-url:…} in the job document, and sign what it fetches."},
    command={
        "aws job": (
            "aws iot create-job --region {region} --job-id YOUR_NEW_JOB_ID --targets YOUR_TARGET_ARN"
            " --document file://YOUR_JOB.json --presigned-url-config roleArn=YOUR_ROLE_ARN"
        ),
        "aws template": (
            "aws iot create-job-template --region {region} --job-template-id YOUR_NEW_TEMPLATE_ID"
            " --description YOUR_DESCRIPTION --document file://YOUR_JOB.json"
            " --presigned-url-config roleArn=YOUR_ROLE_ARN"
        ),
    },
    only={"provider": "aws"},
    passes=[{"insecure_downloads": 0}],
    fails=[{"insecure_downloads": 1}],
)
def job_downloads_are_protected(jobs: Rows[Job]) -> Verdict:
    """A job sends devices only to downloads that are presigned, or encrypted and signed.

    Otherwise whoever sits on the way, or can write to the bucket, decides what devices install.
    """
    return jobs["insecure_downloads"] == 0


@check(
    severity="medium",
    serves=["aws-iot-job-no-rollout-guard"],
    remedy={"aws": "Set an exponential rollout rate, and abort when 10 % of the devices have failed."},
    command={
        "aws": (
            "aws iot update-job --region {region} --job-id {name}"
            " --job-executions-rollout-config 'exponentialRate={baseRatePerMinute=10,incrementFactor=2,"
            "rateIncreaseCriteria={numberOfSucceededThings=50}}'"
            " --abort-config 'criteriaList=[{failureType=FAILED,action=CANCEL,thresholdPercentage=10,"
            "minNumberOfExecutedThings=10}]'"
        ),
    },
    only={"provider": "aws", "kind": "job", "one_thing": False},
    passes=[
        {"target_groups": 1, "target_things": 0, "rate_limited": True, "aborts": True},
        {"target_groups": 0, "target_things": 10, "rate_limited": False, "aborts": False},
    ],
    fails=[
        {"target_groups": 1, "target_things": 0, "rate_limited": True, "aborts": False},
        {"target_groups": 1, "target_things": 0, "rate_limited": False, "aborts": True},
        {"target_groups": 0, "target_things": 11, "rate_limited": False, "aborts": False},
    ],
    ignores=[{"kind": "template"}, {"one_thing": True}],
)
def job_reaches_the_fleet_step_by_step(jobs: Rows[Job], *, most: int = 10) -> Verdict:
    """A job for many devices limits its rate and stops by itself when devices fail.

    Otherwise one bad image reaches everything at once. A job for at most ten things by name needs neither.
    """
    few = (jobs["target_groups"] == 0) & (jobs["target_things"] <= most)
    return few | (jobs["rate_limited"] & jobs["aborts"])


@check(
    severity="high",
    serves=["aws-iot-ota-weak-signature"],
    remedy={"aws": "Make a new signing profile with SHA-256, and sign the files again."},
    command={
        "aws": (
            "aws signer put-signing-profile --region {region} --profile-name YOUR_NEW_PROFILE"
            " --platform-id YOUR_PLATFORM_ID --signing-material certificateArn=YOUR_CERTIFICATE_ARN"
            " --overrides signingConfiguration={hashAlgorithm=SHA256}"
        ),
    },
    only={"provider": "aws", "active": True, "unsigned_files": 0},
    passes=[{"weak_signature": False}],
    fails=[{"weak_signature": True}],
    ignores=[{"active": False}, {"unsigned_files": 1}],
)
def update_signature_is_strong(updates: Rows[Update]) -> Verdict:
    """An OTA update is signed with SHA-256 or better, by a signing profile that is in force.

    A SHA-1 signature can be forged, and one by a withdrawn profile means that its key may be in other hands.
    """
    return ~updates["weak_signature"]


@check(
    severity="low",
    serves=["aws-iot-package-no-sbom"],
    remedy={"aws": "Call AssociateSbomWithPackageVersion in the release pipeline."},
    command={
        "aws": (
            "aws iot associate-sbom-with-package-version --region {region} --package-name {resource.package}"
            " --version-name {resource.id} --sbom s3Location={bucket=YOUR_BUCKET,key=YOUR_SBOM.zip}"
        ),
    },
    only={"provider": "aws"},
    passes=[{"sbom": True, "sbom_valid": True}],
    fails=[{"sbom": False, "sbom_valid": True}, {"sbom": True, "sbom_valid": False}],
)
def package_version_has_a_bill_of_materials(versions: Rows[PackageVersion]) -> Verdict:
    """A published package version has a valid software bill of materials.

    Without one, nobody can tell which devices a new vulnerability concerns.
    """
    return versions["sbom"] & versions["sbom_valid"]
