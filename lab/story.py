"""What happens to the estate in a month: fixes, regressions, a new hub, a permission that is lost, a night that fails.

The lab of a night is the same estate with every change up to that night, so nights can be played in any order.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from moto.iot.models import iot_backends
from moto.s3.models import get_canned_acl, s3_backends

from lab.aws_estate import ALL
from lab.aws_policies import ACCOUNT, HOME, POLICIES
from lab.azure_estate import add_hub
from lab.azure_example import PRODUCTION
from lab.azure_fleet import device
from lab.cloud import Lab
from lab.estate_gcp import PROJECT
from lab.server import Fault

NIGHTS = 30
"""Length of the story."""


@dataclass(frozen=True)
class Change:
    """Something that somebody did. It holds from one night (0 is the first) to before another (0: it stays).

    ``after`` says what happens when it is over.
    """

    night: int
    title: str
    make: Callable[[Lab], None]
    until: int = 0
    after: str = ""

    def holds(self, night: int) -> bool:
        """Whether the estate of a night has it."""
        return self.night <= night and not (self.until and self.until <= night)


def play(lab: Lab, night: int) -> None:
    """Makes every change that holds on a night to a lab that was just started."""
    for change in STORY:
        if change.holds(night):
            change.make(lab)


def bucket_closed(name: str) -> Callable[[Lab], None]:
    """Nobody but the account reads the bucket."""

    def make(_: Lab) -> None:
        backend = s3_backends[ACCOUNT]["aws"]
        backend.put_public_access_block(name, dict.fromkeys(ALL, "true"))
        backend.delete_bucket_policy(name)
        backend.put_bucket_acl(name, get_canned_acl("private"))

    return make


def pilot_narrowed(_: Lab) -> None:
    """The pilot's devices get the policy that meters have elsewhere."""
    document = json.dumps(POLICIES[HOME]["MeterDevice"]).replace(HOME, "us-east-1")
    backend = iot_backends[ACCOUNT]["us-east-1"]
    backend.create_policy_version("PilotEverything", document, True)  # type: ignore[arg-type]


def certificate_revoked(policy: str) -> Callable[[Lab], None]:
    """Every certificate with a policy is shut out."""

    def make(_: Lab) -> None:
        backend = iot_backends[ACCOUNT][HOME]
        for arn, name in backend.principal_policies:
            if name == policy:
                backend.certificates[arn.rpartition("/")[2]].status = "REVOKED"

    return make


def firmware_overwritable(_: Lab) -> None:
    """Somebody saves money on old versions of the firmware."""
    s3_backends[ACCOUNT]["aws"].put_bucket_versioning("brightwater-firmware", "Suspended")


def new_hub(lab: Lab) -> None:
    """A contractor sets up a hub with the defaults of years ago."""
    estate = lab.azure.estate
    add_hub(estate, PRODUCTION, "rg-field", "hub-leaks", minTlsVersion="1.0", publicNetworkAccess="Enabled")
    estate.twins["hub-leaks.azure-devices.net"] = [device(estate, f"leak-{n:02}", "sas") for n in range(4)]


def archive_closed(lab: Lab) -> None:
    """Google's telemetry bucket is closed to the public."""
    name = "nordwind-telemetry-public"
    bindings: list[dict[str, Any]] = lab.gcp.estate.policies[f"buckets/{name}"]["bindings"]
    bindings[:] = [binding for binding in bindings if "allUsers" not in binding["members"]]
    bucket = next(one for one in lab.gcp.estate.buckets[PROJECT] if one["name"] == name)
    bucket["iamConfiguration"]["publicAccessPrevention"] = "enforced"


def denied(operation: str) -> Callable[[Lab], None]:
    """The scanning identity loses a permission."""

    def make(lab: Lab) -> None:
        lab.aws.switchboard.faults[operation] = Fault("deny")

    return make


DASHBOARD = "brightwater-dashboard"
STORY = (
    Change(
        2,
        "The dashboard's bucket is closed to the public",
        bucket_closed(DASHBOARD),
        20,
        "The dashboard's bucket is open again",
    ),
    Change(4, "The American pilot gets a policy of its own", pilot_narrowed),
    Change(6, "The gateways' shared certificate is revoked", certificate_revoked("GatewayLegacy")),
    Change(8, "Versioning of the firmware bucket is suspended", firmware_overwritable),
    Change(10, "A new hub: hub-leaks", new_hub),
    Change(
        12,
        "The scanner loses s3:GetBucketVersioning",
        denied("s3.get_bucket_versioning"),
        15,
        "The scanner may read versioning again",
    ),
    Change(
        16,
        "AWS refuses the scanner's credentials for a night",
        denied("sts.get_caller_identity"),
        17,
        "AWS accepts them again",
    ),
    Change(18, "Google's telemetry bucket is closed to the public", archive_closed),
    Change(24, "The dashboard's bucket is closed to the public again", bucket_closed(DASHBOARD)),
)
