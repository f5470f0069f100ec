"""OTA and update infrastructure: what devices run is signed, kept unchanged, and written by few."""

from __future__ import annotations

from checks.check import check
from collectors.schema import Rows, Verdict
from collectors.tables.data import Store, Update


@check(
    severity="critical",
    serves=["aws-iot-ota-unsigned"],
    remedy={"aws": "Sign the files with AWS Signer, or give a custom code signature."},
    only={"provider": "aws", "active": True},
    passes=[{"unsigned_files": 0}],
    fails=[{"unsigned_files": 1}],
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
    only={"provider": ("aws", "gcp"), "holds_firmware": True},
    passes=[{"versioned": True}],
    fails=[{"versioned": False}],
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
    only={"provider": "gcp", "holds_firmware": True},
    passes=[{"writers": 1}],
    fails=[{"writers": 2}],
)
def one_pipeline_writes_firmware(stores: Rows[Store], *, most: int = 1) -> Verdict:
    """One identity, the release pipeline, can replace firmware.

    Every other writer is a way into the supply chain.
    """
    return stores["writers"] <= most
