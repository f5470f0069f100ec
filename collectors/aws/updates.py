"""OTA updates and the streams that carry firmware."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from collectors.aws.account import RESULTS
from collectors.aws.signing import SIGNING, weakly_signed
from collectors.operation import Operation, Reader, collector
from collectors.schema import Row, Unread
from collectors.tables.data import Update

LIST_UPDATES = Operation("iot.list_ota_updates", "iot:ListOTAUpdates", items="otaUpdates", shared=True, fixed=RESULTS)
GET_UPDATE = Operation("iot.get_ota_update", "iot:GetOTAUpdate", shared=True)

ENDED = ("CREATE_FAILED", "DELETE_IN_PROGRESS", "DELETE_FAILED")
SIGNATURES = ("awsSignerJobId", "startSigningJobParameter", "customCodeSigning")


@collector(Update, "aws", LIST_UPDATES, GET_UPDATE, *SIGNING)
def ota_updates(read: Reader) -> Iterator[Row]:
    """Every OTA update of one region; one that is complete still reaches devices that come back."""
    for listed in read(LIST_UPDATES):
        update = read(GET_UPDATE, otaUpdateId=listed["otaUpdateId"]).cell(lambda reply: reply["otaUpdateInfo"])
        row: dict[str, Any] = {"resource": listed["otaUpdateArn"], "name": listed["otaUpdateId"]}
        if isinstance(update, Unread):
            yield row | dict.fromkeys(("active", "files", "unsigned_files", "weak_signature"), update)
            continue
        files = update.get("otaUpdateFiles") or []
        yield row | {
            "active": update.get("otaUpdateStatus") not in ENDED,
            "files": len(files),
            "unsigned_files": sum(not signed(file) for file in files),
            "weak_signature": weakly_signed(read, files),
        }


def signed(file: Mapping[str, Any]) -> bool:
    """Whether one of the three kinds of code signature is set."""
    signing = file.get("codeSigning") or {}
    return any(signing.get(kind) for kind in SIGNATURES)


def firmware_buckets(update: Mapping[str, Any]) -> Iterator[str]:
    """Buckets that an update's files are fetched from directly."""
    for file in update.get("otaUpdateFiles") or ():
        if bucket := ((file.get("fileLocation") or {}).get("s3Location") or {}).get("bucket"):
            yield bucket
