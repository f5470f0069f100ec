"""Jobs and their templates, and the software packages that they install."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from collectors.aws.account import RESULTS, registry
from collectors.operation import Operation, Reader, collector
from collectors.schema import Row, Unread
from collectors.tables.fleet import Job, PackageVersion

LIST_JOBS = Operation("iot.list_jobs", "iot:ListJobs", items="jobs", shared=True, fixed=RESULTS)
DESCRIBE_JOB = Operation("iot.describe_job", "iot:DescribeJob")
JOB_DOCUMENT = Operation("iot.get_job_document", "iot:GetJobDocument", shared=True)
LIST_JOB_TEMPLATES = Operation("iot.list_job_templates", "iot:ListJobTemplates", items="jobTemplates", fixed=RESULTS)
DESCRIBE_JOB_TEMPLATE = Operation("iot.describe_job_template", "iot:DescribeJobTemplate")
LIST_PACKAGES = Operation(
    "iot.list_packages", "iot:ListPackages", items="packageSummaries", shared=True, fixed=(("maxResults", 100),)
)
LIST_VERSIONS = Operation(
    "iot.list_package_versions", "iot:ListPackageVersions",
    items="packageVersionSummaries", shared=True, fixed=(("status", "PUBLISHED"), ("maxResults", 100)),
)  # fmt: skip
GET_VERSION = Operation("iot.get_package_version", "iot:GetPackageVersion", shared=True)

LIVE = ("IN_PROGRESS", "SCHEDULED")
SERVICE_RATE = 1000
"""Devices a minute that a rollout notifies unless it is told to be slower (AWS IoT Core quotas, "AWS IoT Jobs")."""
PRESIGNED = re.compile(r"\$\{aws:iot:s3-presigned-url[^}]*\}")
SIGNED_BY_AWS = "${aws:iot:code-sign-signature"
URL = re.compile(r"\bhttps?://[^\s\"'<>]+", re.IGNORECASE)
S3_HOST = re.compile(r"(^|\.)s3[.-]([a-z0-9-]+\.)*amazonaws\.com(\.cn)?$", re.IGNORECASE)
S3_BUCKET = re.compile(r"(?:(.+)\.)?s3[.-](?:[a-z0-9-]+\.)*amazonaws\.com(?:\.cn)?$", re.IGNORECASE)
"""A host of Amazon S3 and the bucket in front of it; without one the bucket is the first part of the path."""
BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{2,62}")
PROOF = re.compile(r"sig(nature|-)|sha-?(256|384|512)|hash|digest", re.IGNORECASE)
"""Keys of a job document that hold a signature or hash of what is fetched."""
PROSE = re.compile(r"^\$?_?(schema|id|comments?|description|documentation|docs|homepage|license|xmlns)$", re.IGNORECASE)
"""Keys whose URLs nobody fetches."""
LOCAL = ("localhost", "127.0.0.1", "::1")


def downloads(node: Any, proven: bool = False) -> Iterator[tuple[str, bool]]:
    """Each URL of a job document that AWS IoT does not presign, and whether a signature or hash stands beside it."""
    if isinstance(node, dict):
        proven = proven or any(value and PROOF.search(key) for key, value in node.items())
        for key, value in node.items():
            if not PROSE.match(key):
                yield from downloads(value, proven)
    elif isinstance(node, list):
        for value in node:
            yield from downloads(value, proven)
    elif isinstance(node, str):
        for url in URL.findall(PRESIGNED.sub("", node)):
            if urlsplit(url).hostname not in LOCAL:
                yield url, proven


def insecure_downloads(document: str) -> int | Unread:
    """URLs of a job document that an attacker on the way, or with the bucket, decides about.

    HTTPS elsewhere without a signature may or may not be checked by the device: that is not known.
    """
    proven = SIGNED_BY_AWS in document
    insecure = doubtful = 0
    for url, beside in downloads(json.loads(document), proven):
        parts = urlsplit(url)
        open_object = S3_HOST.search(parts.hostname or "") and "X-Amz-Signature" not in parts.query
        if parts.scheme.lower() == "http" or (open_object and not beside):
            insecure += 1
        elif not beside:
            doubtful += 1
    if doubtful and not insecure:
        return Unread("not_parseable", detail="the document does not say how what it fetches over HTTPS is verified")
    return insecure


def linked_buckets(document: str) -> list[str]:
    """The S3 buckets of the URLs in a job document, those that AWS IoT presigns among them."""
    found = []
    for url in URL.findall(document):
        parts = urlsplit(url.rstrip("}\\"))
        if of_host := S3_BUCKET.match(parts.hostname or ""):
            found.append(of_host[1] or parts.path.lstrip("/").split("/")[0])
    return [bucket for bucket in found if BUCKET.fullmatch(bucket)]


@collector(Job, "aws", LIST_JOBS, DESCRIBE_JOB, JOB_DOCUMENT, kind="job")
def jobs(read: Reader) -> Iterator[Row]:
    """Every job of one region that is running or scheduled, those that OTA updates made among them."""
    for status in LIVE:
        for listed in read(LIST_JOBS, status=status):
            reply = read(DESCRIBE_JOB, jobId=listed["jobId"])
            row: dict[str, Any] = {"resource": listed["jobArn"], "name": listed["jobId"]}
            row["insecure_downloads"] = read(JOB_DOCUMENT, jobId=listed["jobId"]).cell(
                lambda found: insecure_downloads(found["document"])
            )
            targets = reply.cell(lambda found: found["job"]["targets"])
            guards = reply.cell(lambda found: guarded(found["job"]))
            if isinstance(targets, Unread) or isinstance(guards, Unread):
                unread = targets if isinstance(targets, Unread) else guards
                cells = ("one_thing", "target_groups", "target_things", "rate_limited", "aborts")
                yield row | dict.fromkeys(cells, unread)
                continue
            groups = sum(":thinggroup/" in target for target in targets)
            yield (
                row
                | guards
                | {
                    "one_thing": not groups and len(targets) == 1,
                    "target_groups": groups,
                    "target_things": len(targets) - groups,
                }
            )


@collector(Job, "aws", LIST_JOB_TEMPLATES, DESCRIBE_JOB_TEMPLATE, kind="template")
def job_templates(read: Reader) -> Iterator[Row]:
    """Every job template of one region."""
    for listed in read(LIST_JOB_TEMPLATES):
        reply = read(DESCRIBE_JOB_TEMPLATE, jobTemplateId=listed["jobTemplateId"])
        guards = reply.cell(guarded)
        row: dict[str, Any] = {"resource": listed["jobTemplateArn"], "name": listed["jobTemplateId"]}
        row |= dict.fromkeys(("rate_limited", "aborts"), guards) if isinstance(guards, Unread) else guards
        yield row | {
            "insecure_downloads": reply.cell(lambda found: insecure_downloads(found["document"])),
        }


def guarded(job: Mapping[str, Any]) -> dict[str, bool]:
    """Whether a job's rollout is slowed down and stops by itself."""
    rollout = job.get("jobExecutionsRolloutConfig") or {}
    return {
        "rate_limited": bool(rollout.get("exponentialRate"))
        or rollout.get("maximumPerMinute", SERVICE_RATE) < SERVICE_RATE,
        "aborts": bool((job.get("abortConfig") or {}).get("criteriaList")),
    }


@collector(PackageVersion, "aws", LIST_PACKAGES, LIST_VERSIONS, GET_VERSION)
def package_versions(read: Reader) -> Iterator[Row]:
    """Every published version in one region's Software Package Catalog."""
    for package in read(LIST_PACKAGES):
        for listed in read(LIST_VERSIONS, packageName=package["packageName"]):
            name, version = listed["packageName"], listed["versionName"]
            reply = read(GET_VERSION, packageName=name, versionName=version)
            yield {
                "resource": f"{registry(read.scope)}:package/{name}/version/{version}",
                "name": f"{name} {version}",
                "sbom": reply.cell(lambda found: bool((found.get("sbom") or {}).get("s3Location"))),
                "sbom_valid": reply.cell(sbom_is_valid),
            }


def sbom_is_valid(version: Mapping[str, Any]) -> bool | Unread:
    """Whether the bill of materials is valid; there is no answer while AWS IoT looks at it."""
    status = version.get("sbomValidationStatus")
    if status == "IN_PROGRESS":
        return Unread("absent_field", detail="the bill of materials is being validated")
    return bool(status == "SUCCEEDED")
