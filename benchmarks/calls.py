"""How many calls a scan of one AWS account makes, and what they cost this process.

`python benchmarks/calls.py [THINGS]` seeds a plain moto server with that many things (200 by default), each with a
certificate and a policy, half as many IAM roles and buckets and a tenth as many keys, scans it twice, and prints the
calls by service: the second scan has the facts that the first one kept. Counts are exact; seconds are CPU of this
process, server included, so compare them only with each other.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import boto3
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from flows.scan import Order, run, threads
from flows.settings import Settings
from lab.cloud import NO_METADATA
from lab.server import Server

REGION = "eu-west-1"


class Counted:
    """An application that counts what it is asked, by service and path or target."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self._moto = DomainDispatcherApplication(create_backend_app)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        service = environ.get("HTTP_AUTHORIZATION", "////").split("/")[3]
        self.calls[service] += 1
        found: Iterable[bytes] = self._moto(environ, start_response)
        return found


def seed(things: int) -> None:
    """An account of a given size."""
    iot, iam = boto3.client("iot"), boto3.client("iam")
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    for n in range(things):
        iot.create_thing(thingName=f"pump-{n}")
        certificate = iot.create_keys_and_certificate(setAsActive=True)["certificateArn"]
        document = {
            "Effect": "Allow",
            "Action": "iot:Connect",
            "Resource": f"arn:aws:iot:{REGION}:123456789012:client/pump-{n}",
        }
        iot.create_policy(
            policyName=f"pump-{n}", policyDocument=json.dumps({"Version": "2012-10-17", "Statement": [document]})
        )
        iot.attach_policy(policyName=f"pump-{n}", target=certificate)
        iot.attach_thing_principal(thingName=f"pump-{n}", principal=certificate)
    for n in range(things // 2):
        iam.create_role(RoleName=f"role-{n}", AssumeRolePolicyDocument=trust)
        boto3.client("s3").create_bucket(
            Bucket=f"bucket-{n}", CreateBucketConfiguration={"LocationConstraint": REGION}
        )  # fmt: skip
    for _ in range(things // 10):
        boto3.client("kms").create_key()


def main() -> None:
    """Seeds, scans, prints."""
    things = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    counted = Counted()
    server = Server(counted)
    server.start()
    os.environ.update(
        NO_METADATA,
        AWS_ACCESS_KEY_ID="lab",
        AWS_SECRET_ACCESS_KEY="lab",
        AWS_DEFAULT_REGION=REGION,
        AWS_ENDPOINT_URL=server.url,
    )
    seed(things)
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(aws={"calls_per_second": 1000, "regions": [REGION]}, runs=f"{folder}/runs")
        for scan in ("first", "second"):
            counted.calls.clear()
            started = time.process_time()
            order = Order(settings, scan, datetime.now(UTC), ("aws",), (), f"{folder}/{scan}")
            report = run(order, threads(settings))
            spent, calls = time.process_time() - started, counted.calls.total()
            print(f"{scan} scan")
            for service, number in counted.calls.most_common():
                print(f"{service:20} {number:6}")
            print(f"{'all':20} {calls:6}  {calls / things:.1f} a thing")
            print(f"CPU {spent:.1f} s; {len(report.findings)} findings; coverage {report.about['coverage_pct']} %\n")
    server.stop()


if __name__ == "__main__":
    main()
