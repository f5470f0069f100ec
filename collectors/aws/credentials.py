"""The credentials of AWS: where they come from, whose they are, and which role leads to an account."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.credentials import (
    AssumeRoleCredentialFetcher,
    CredentialProvider,
    CredentialResolver,
    Credentials,
    DeferredRefreshableCredentials,
)
from botocore.exceptions import BotoCoreError, ClientError
from botocore.loaders import Loader, create_loader
from botocore.parsers import ResponseParserError

from collectors.aws import refusals
from collectors.aws.account import partition
from collectors.aws.organization import ASSUME_ROLE, member_role
from collectors.operation import ReadFailed
from collectors.provider import NoTarget

CONNECT_SECONDS = 5
READ_SECONDS = 30
ATTEMPTS = 3
USER_AGENT = "iotposture"
"""What CloudTrail shows as the caller. botocore's own text is put together anew for every call."""


@dataclass(frozen=True)
class Source:
    """One way to an account: a profile (empty: the default chain) and the role to assume from it, if any."""

    profile: str = ""
    role: str = ""

    def __str__(self) -> str:
        start = f"profile {self.profile}" if self.profile else "environment and shared files"
        return f"{start}, role {self.role}" if self.role else start


def sources(settings: Mapping[str, Any]) -> list[Source]:
    """Every way to an account that the settings name; the default chain when they name none, or lists accounts."""
    profiles, roles = list(settings.get("profiles") or ()), list(settings.get("roles") or ())
    named = [Source(profile) for profile in profiles] or [Source()] * bool(settings.get("organization"))
    return named + [Source(profiles[0] if profiles else "", role) for role in roles] or [Source()]


def endpoint(settings: Mapping[str, Any], service: str) -> str | None:
    """URL that the settings give for a service; None leaves it to botocore and ``AWS_ENDPOINT_URL``."""
    return (settings.get("endpoints") or {}).get(service) or settings.get("endpoint") or None


class Assumed(CredentialProvider):  # type: ignore[misc]  # botocore has no types
    """Credentials of a role, fetched when first needed and again before they end."""

    METHOD = "assume-role"

    def __init__(self, fetch: Callable[[], Any]) -> None:
        super().__init__()
        self._fetch = fetch

    def load(self) -> Any:
        """Credentials that fetch themselves."""
        return DeferredRefreshableCredentials(self._fetch, self.METHOD)


@lru_cache(maxsize=1)
def models() -> Loader:
    """What botocore knows of AWS's services, read once a process and not once an account."""
    return create_loader()


def boto(inner: botocore.session.Session) -> boto3.Session:
    """A boto3 session over one of botocore's, with the models of all others."""
    inner.register_component("data_loader", models())
    made, paths = boto3.Session(botocore_session=inner), models().search_paths
    paths[:] = dict.fromkeys(paths)  # boto3 adds its own path each time
    return made


def chain(source: Source, settings: Mapping[str, Any]) -> botocore.session.Session:
    """The session of a source's own credentials, before any role."""
    inner = botocore.session.Session(profile=source.profile or None)
    if not settings.get("instance_metadata"):
        refuse_metadata(inner)
    return inner


def open_session(source: Source, settings: Mapping[str, Any], config: Config | None = None) -> boto3.Session:
    """A boto3 session for a source. Raises ``BotoCoreError`` for an unknown profile or missing credentials.

    ``config`` is what the role is asked for with: patiently unless told otherwise, as it is asked again in a long scan.
    """
    inner = chain(source, settings)
    session = boto(inner)
    if not source.role:
        return session
    region = home(settings, session)

    def create(service: str, **options: Any) -> Any:
        return inner.create_client(
            service, **({"region_name": region} | options), endpoint_url=endpoint(settings, service),
            verify=settings.get("ca_bundle") or None, config=config or steady(settings),
        )  # fmt: skip

    own = inner.get_credentials()
    if own is None:
        raise NoTarget(missing(source, settings))
    fetcher = AssumeRoleCredentialFetcher(create, own, source.role, extra_args=introduction(settings))
    assumed = botocore.session.Session(profile=source.profile or None)
    assumed.register_component("credential_provider", CredentialResolver([Assumed(fetcher.fetch_credentials)]))
    return boto(assumed)


def introduction(settings: Mapping[str, Any]) -> dict[str, str]:
    """How a role is asked for."""
    external = {"ExternalId": settings["external_id"]} if settings.get("external_id") else {}
    return {"RoleSessionName": "iotposture", **external}


def refuse_metadata(inner: botocore.session.Session) -> None:
    """Takes instance and container metadata out of the credential chain; raises NoTarget if a profile insists."""
    resolver = inner.get_component("credential_provider")
    resolver.remove("iam-role")
    resolver.remove("container-role")
    profiles = inner.full_config.get("profiles", {})
    name, seen = inner.get_config_variable("profile") or "default", set[str]()
    while name in profiles and name not in seen:
        seen.add(name)
        if profiles[name].get("credential_source") in ("Ec2InstanceMetadata", "EcsContainer"):
            raise NoTarget(
                f"aws: profile {name} takes its credentials from instance metadata; set instance_metadata = true"
            )
        name = profiles[name].get("source_profile", "")


def once() -> Config:
    """Short timeouts and no retry, for the calls that find out who we are."""
    return Config(
        connect_timeout=1,
        read_timeout=1.5,
        retries={"total_max_attempts": 1},
        defaults_mode="legacy",
        user_agent=USER_AGENT,
    )


def steady(settings: Mapping[str, Any], **more: Any) -> Config:
    """The timeouts and retries of a scan."""
    return Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=settings.get("timeout_seconds") or READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        defaults_mode="legacy",
        max_pool_connections=32,
        user_agent=USER_AGENT,
        **more,
    )


def home(settings: Mapping[str, Any], session: boto3.Session) -> str:
    """The region that services without regions are asked in."""
    regions = settings.get("regions") or ()
    return next(iter(regions), None) or session.region_name or "us-east-1"


def regions_of(settings: Mapping[str, Any], session: boto3.Session) -> list[str]:
    """The regions to scan: those set, else the credential chain's own, else all that have AWS IoT Core."""
    if chosen := list(settings.get("regions") or ()):
        return chosen
    return [session.region_name] if session.region_name else sorted(session.get_available_regions("iot"))


@dataclass(frozen=True)
class Identity:
    """Whose credentials a source gives: an account of a partition, and the regions to look at."""

    account: str
    partition: str
    regions: tuple[str, ...]


def identity(source: Source, settings: Mapping[str, Any], config: Config | None = None) -> Identity:
    """Who a source is, asked with one call. Raises ``BotoCoreError``, ``ClientError`` or NoTarget."""
    session = open_session(source, settings, config or once())
    credentials = session.get_credentials()
    if credentials is None:
        raise NoTarget(missing(source, settings))
    regions = tuple(regions_of(settings, session))
    if source.role:
        credentials.get_frozen_credentials()
        return Identity(source.role.split(":")[4], source.role.split(":")[1], regions)
    told = sts(session, settings, config or once()).get_caller_identity()
    arn = str(told.get("Arn") or "").split(":")
    return Identity(str(told["Account"]), arn[1] if len(arn) > 1 else partition(home(settings, session)), regions)


def sts(session: boto3.Session, settings: Mapping[str, Any], config: Config) -> Any:
    """The client that says who we are and gives us roles."""
    return session.client(
        "sts", region_name=home(settings, session), endpoint_url=endpoint(settings, "sts"),
        verify=settings.get("ca_bundle") or None, config=config,
    )  # fmt: skip


def refusal(error: BaseException, role: str = "") -> ReadFailed:
    """What came of an attempt to log in, or to assume a role."""
    detail, permission = (f"role {role}", ASSUME_ROLE.permission) if role else ("", "")
    if not isinstance(error, ClientError):
        return ReadFailed("failed", type(error).__name__, detail, permission)
    return refusals.entering(error, detail, permission)


def asked_at(settings: Mapping[str, Any]) -> str:
    """The endpoint that credentials are tried at, for a message."""
    named = (os.environ.get(name) for name in ("AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL"))
    return endpoint(settings, "sts") or next(filter(None, named), "of AWS")


def missing(source: Source, settings: Mapping[str, Any]) -> str:
    """One line that says where credentials were looked for and what to set."""
    where = asked_at(settings)
    return (
        f"aws: no credentials in {source}, endpoint {where}; "
        "set AWS_PROFILE, AWS_ACCESS_KEY_ID or profiles in the section aws"
    )


def unreachable(source: Source, settings: Mapping[str, Any], reason: str) -> str:
    """One line that says which source failed at which endpoint, and what to set."""
    where = asked_at(settings)
    return f"aws: {source} gave no identity ({reason}) at endpoint {where}; check the credentials, profiles or roles"


def enter(boto: boto3.Session, role: str) -> None:
    """Assumes a role now. Raises ReadFailed: once, and not for every read of the account."""
    credentials: Credentials = boto.get_credentials()
    try:
        credentials.get_frozen_credentials()
    except (ClientError, BotoCoreError, ResponseParserError, OSError) as error:
        raise refusal(error, role) from None


def way_to(account: str, settings: Mapping[str, Any]) -> Source | None:
    """The source that leads to an account: a role that names it, else credentials of its own, else a member's role."""
    ways = sources(settings)
    if named := next((source for source in ways if source.role.split(":")[4:5] == [account]), None):
        return named
    plain = [source for source in ways if not source.role]
    if not settings.get("organization"):
        return plain[0] if len(plain) == 1 else next((s for s in plain if leads(s, settings, account)), None)
    lister, refused = None, None
    for source in plain:
        try:
            who = identity(source, settings, steady(settings))
        except (ClientError, BotoCoreError, NoTarget) as error:
            refused = refused or error
            continue
        if who.account == account:
            return source
        lister = lister or Source(source.profile, member_role(settings, account, who.partition))
    if lister is None and refused is not None:
        raise refusal(refused)
    return lister


def leads(source: Source, settings: Mapping[str, Any], account: str) -> bool:
    """Whether a source's credentials are of that account."""
    try:
        return identity(source, settings, steady(settings)).account == account
    except (BotoCoreError, ClientError, NoTarget):
        return False
