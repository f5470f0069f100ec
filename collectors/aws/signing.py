"""How files of OTA updates are signed: hash, signing profile and the certificate behind it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from collectors.aws.hubs import CERTIFICATE
from collectors.operation import Operation, Reader
from collectors.schema import Unread, any_of

GONE = ("ResourceNotFoundException",)
SIGNING_JOB = Operation("signer.describe_signing_job", "signer:DescribeSigningJob", absent=GONE, shared=True)
SIGNING_PROFILE = Operation("signer.get_signing_profile", "signer:GetSigningProfile", absent=GONE, shared=True)
SIGNING_PLATFORM = Operation("signer.get_signing_platform", "signer:GetSigningPlatform", absent=GONE, shared=True)
SIGNING = (SIGNING_JOB, SIGNING_PROFILE, SIGNING_PLATFORM, CERTIFICATE)

Cell = bool | Unread
SOUND_HASHES = ("sha256", "sha384", "sha512")
BROKEN_HASHES = ("sha1", "md5")
NO_PROFILE = Unread("absent_field", detail="the signing profile is gone")


def weakly_signed(read: Reader, files: Iterable[Mapping[str, Any]]) -> Cell:
    """Whether a signed file has a SHA-1 signature, or one of a profile or certificate that was withdrawn or has ended."""
    found: Cell = any_of(cell for file in files for cell in weaknesses(read, file.get("codeSigning") or {}))
    return found


def weaknesses(read: Reader, signing: Mapping[str, Any]) -> Iterator[Cell]:
    """One answer for each thing that can be weak about one file's signature."""
    if custom := signing.get("customCodeSigning"):
        yield is_broken_hash(custom.get("hashAlgorithm"))
    if name := (signing.get("startSigningJobParameter") or {}).get("signingProfileName"):
        yield from of_profile(read, name)
    if job := signing.get("awsSignerJobId"):
        reply = read(SIGNING_JOB, jobId=job)
        found = reply.cell(dict, absent=Unread("absent_field", detail="the signing job is gone"))
        if isinstance(found, Unread):
            yield found
            return
        yield bool(found.get("revocationRecord"))
        yield from of_material(read, found)
        if found.get("profileName"):
            yield is_withdrawn(read, found["profileName"])


def is_broken_hash(algorithm: str | None) -> Cell:
    """Whether a hash, as in ``SHA-256`` or ``SHA1``, is broken."""
    name = str(algorithm or "").replace("-", "").lower()
    if name in BROKEN_HASHES:
        return True
    return False if name in SOUND_HASHES else Unread("not_parseable", detail=f"hash algorithm {algorithm}")


def is_withdrawn(read: Reader, name: str) -> Cell:
    """Whether a signing profile was canceled or revoked."""
    found: Cell = read(SIGNING_PROFILE, profileName=name).cell(
        lambda profile: profile["status"] in ("Canceled", "Revoked"), absent=NO_PROFILE
    )
    return found


def of_profile(read: Reader, name: str) -> Iterator[Cell]:
    """What can be weak about the signatures that a profile makes."""
    profile = read(SIGNING_PROFILE, profileName=name).cell(dict, absent=NO_PROFILE)
    yield is_withdrawn(read, name)
    if isinstance(profile, Unread):
        yield profile
    else:
        yield from of_material(read, profile)


def of_material(read: Reader, source: Mapping[str, Any]) -> Iterator[Cell]:
    """Hash and certificate of a profile or job; the platform's default hash where neither chose one."""
    chosen = ((source.get("overrides") or {}).get("signingConfiguration") or {}).get("hashAlgorithm")
    if not chosen:
        chosen = read(SIGNING_PLATFORM, platformId=source["platformId"]).cell(
            lambda platform: platform["signingConfiguration"]["hashAlgorithmOptions"]["defaultValue"]
        )
    yield chosen if isinstance(chosen, Unread) else is_broken_hash(chosen)
    if arn := (source.get("signingMaterial") or {}).get("certificateArn"):
        yield read(CERTIFICATE, region=arn.split(":")[3], CertificateArn=arn).cell(
            lambda found: read.days_until(found["Certificate"]["NotAfter"]) < 0,
            absent=Unread("absent_field", detail="the signing certificate is gone"),
        )
