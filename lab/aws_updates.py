"""OTA updates of the pilot, and the signing profiles, platforms and certificates that updates are signed with."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from lab.aws_policies import ACCOUNT, HOME

Reply = dict[str, Any]
BUCKET = "brightwater-firmware-2019"
ENDED = datetime(2025, 11, 3, tzinfo=UTC)
ENDS = datetime(2049, 12, 31, tzinfo=UTC)


def update(name: str, signing: Reply) -> Reply:
    """An OTA update with one file."""
    location = {"s3Location": {"bucket": BUCKET, "key": f"boston/{name}.bin"}}
    file = {"fileName": "/app", "fileLocation": location, "codeSigning": signing}
    return {"otaUpdateId": name, "otaUpdateStatus": "CREATE_COMPLETE", "otaUpdateFiles": [file]}


def with_profile(name: str) -> Reply:
    """Signed by a profile when the update was made."""
    return {"startSigningJobParameter": {"signingProfileName": name}}


def custom(algorithm: str) -> Reply:
    """Signed elsewhere."""
    return {
        "customCodeSigning": {
            "signature": {"inlineDocument": b"MEUCIQ"},
            "hashAlgorithm": algorithm,
            "signatureAlgorithm": "RSA",
        }
    }


AMERICAN_UPDATES = [
    update("boston-sha1", custom("SHA1")),
    update("boston-sha256", custom("SHA-256")),
    update("boston-blake", custom("BLAKE2")),
    update("boston-revoked", with_profile("PilotRevoked")),
    update("boston-old-platform", with_profile("PilotDefaultHash")),
    update("boston-old-certificate", with_profile("PilotExpired")),
    update("boston-profile", with_profile("PilotSound")),
]

PLATFORMS = {"AmazonFreeRTOS-Default": "SHA256", "AmazonFreeRTOS-TI-CC3220SF": "SHA1"}
"""Default hash of each signing platform."""
CERTIFICATES = {"current": ENDS, "ended": ENDED}
"""When each signing certificate ends."""


def certificate(name: str, region: str = HOME) -> str:
    """ARN of a signing certificate."""
    return f"arn:aws:acm:{region}:{ACCOUNT}:certificate/{name}"


def profile(status: str = "Active", material: str = "current", hash_: str = "SHA256", **more: Any) -> Reply:
    """A signing profile as it is read."""
    override = {"overrides": {"signingConfiguration": {"encryptionAlgorithm": "ECDSA", "hashAlgorithm": hash_}}}
    return {
        "status": status,
        "platformId": "AmazonFreeRTOS-Default",
        "signingMaterial": {"certificateArn": certificate(material)},
        **(override if hash_ else {}),
        **more,
    }


PROFILES = {
    "FirmwareRelease": profile(),
    "PilotSound": profile(hash_=""),
    "PilotRevoked": profile("Revoked", revocationRecord={"revokedAt": ENDED, "revokedBy": "aoife.byrne"}),
    "PilotDefaultHash": profile(hash_="", platformId="AmazonFreeRTOS-TI-CC3220SF"),
    "PilotExpired": profile(material="ended"),
}
SIGNING_JOBS = {"3e6a2f0c-1111-4a2b-9f6d-6b1c8d1f7a10": "FirmwareRelease"}
"""Signing jobs and the profile each used."""
