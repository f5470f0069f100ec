"""The transport to AWS: boto3 clients that can only read, and only what was declared."""

from __future__ import annotations

import json
import logging
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import boto3
import botocore.session
from botocore import xform_name
from botocore.config import Config
from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError
from botocore.parsers import ResponseParserError

from collectors.aws.withheld import WITHHELD
from collectors.operation import Absent, Operation, Outcome, ReadFailed, Scope, Undeclared
from collectors.outside import Outside
from collectors.pace import Pace
from collectors.target import NoTarget

log = logging.getLogger("iotposture")

READS = ("get_", "list_", "describe_")
"""Only methods that start so ever leave this machine; `iot.describe_endpoint`, which creates an endpoint, does not."""
WRITES = frozenset({"iot.describe_endpoint"})
ATTEMPTS = 3
CONNECT_SECONDS = 5
READ_SECONDS = 30
FIND_SECONDS = 1.8

DENIED = frozenset({
    "AccessDenied", "AccessDeniedException", "AuthorizationError", "AuthorizationErrorException", "Forbidden",
    "NotAuthorized", "UnauthorizedException", "UnauthorizedOperation", "AllAccessDisabled", "401", "403",
})  # fmt: skip
STALE = frozenset({
    "ExpiredToken", "ExpiredTokenException", "RequestExpired", "SignatureDoesNotMatch", "InvalidSignatureException",
    "RequestTimeTooSkewed",
})  # fmt: skip
"""The credentials ended or the clock is wrong: no permission would help."""
NOT_OFFERED = frozenset({"OptInRequired", "SubscriptionRequiredException"})
UNKNOWN_TO_REGION = frozenset({"InvalidClientTokenId", "UnrecognizedClientException"})
ALWAYS_ON = frozenset({
    "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1", "ap-southeast-2",
    "ca-central-1", "eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1", "us-east-1",
    "us-east-2", "us-west-1", "us-west-2",
})  # fmt: skip
"""Regions that no account can switch off (AWS Account Management, "Enable or disable AWS Regions"). Elsewhere a valid
key that is not recognised means that the region is not enabled."""

KAFKA_PLAIN = frozenset({
    "acks", "bootstrap.servers", "compression.type", "security.protocol", "sasl.mechanism", "key.serializer",
    "value.serializer",
})  # fmt: skip
"""Kafka client properties that never hold a secret."""


@dataclass(frozen=True)
class Source:
    """One way to an account: a profile (empty: the default chain) and the role to assume from it, if any."""

    profile: str = ""
    role: str = ""

    def __str__(self) -> str:
        start = f"profile {self.profile}" if self.profile else "environment and shared files"
        return f"{start}, role {self.role}" if self.role else start


def sources(settings: Mapping[str, Any]) -> list[Source]:
    """Every way to an account that the settings name; the default chain when they name none."""
    profiles, roles = list(settings.get("profiles") or ()), list(settings.get("roles") or ())
    named = [Source(profile) for profile in profiles]
    return named + [Source(profiles[0] if profiles else "", role) for role in roles] or [Source()]


def endpoint(settings: Mapping[str, Any], service: str) -> str | None:
    """URL that the settings give for a service; None leaves it to botocore and ``AWS_ENDPOINT_URL``."""
    return (settings.get("endpoints") or {}).get(service) or settings.get("endpoint") or None


def opened(source: Source, settings: Mapping[str, Any]) -> boto3.Session:
    """A boto3 session for a source. Raises ``BotoCoreError`` for an unknown profile or missing credentials."""
    inner = botocore.session.Session(profile=source.profile or None)
    if not settings.get("instance_metadata"):
        refuse_metadata(inner)
    session = boto3.Session(botocore_session=inner)
    if not source.role:
        return session
    extra = {"RoleSessionName": "iotposture"}
    if settings.get("external_id"):
        extra["ExternalId"] = settings["external_id"]
    region = home(settings, session)

    def create(service: str, **options: Any) -> Any:
        return inner.create_client(
            service, **({"region_name": region} | options), endpoint_url=endpoint(settings, service),
            verify=settings.get("ca_bundle") or None, config=once(),
        )  # fmt: skip

    own = inner.get_credentials()
    if own is None:
        raise NoTarget(missing(source, settings))
    fetcher = AssumeRoleCredentialFetcher(create, own, source.role, extra_args=extra)
    assumed = botocore.session.Session()
    assumed._credentials = DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")
    return boto3.Session(botocore_session=assumed, region_name=region)


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
    return Config(connect_timeout=1, read_timeout=1.5, retries={"total_max_attempts": 1}, defaults_mode="legacy")


def home(settings: Mapping[str, Any], session: boto3.Session) -> str:
    """The region that services without regions are asked in."""
    regions = settings.get("regions") or ()
    return next(iter(regions), None) or session.region_name or "us-east-1"


def regions_of(settings: Mapping[str, Any], session: boto3.Session) -> list[str]:
    """The regions to scan: those set, else the credential chain's own, else all that have AWS IoT Core."""
    if chosen := list(settings.get("regions") or ()):
        return chosen
    return [session.region_name] if session.region_name else sorted(session.get_available_regions("iot"))


def identity(source: Source, settings: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Account and regions of a source, asked with one call. Raises ``BotoCoreError``, ``ClientError`` or NoTarget."""
    session = opened(source, settings)
    credentials = session.get_credentials()
    if credentials is None:
        raise NoTarget(missing(source, settings))
    if source.role:
        credentials.get_frozen_credentials()
        return source.role.split(":")[4], regions_of(settings, session)
    client = session.client(
        "sts", region_name=home(settings, session), endpoint_url=endpoint(settings, "sts"),
        verify=settings.get("ca_bundle") or None, config=once(),
    )  # fmt: skip
    return str(client.get_caller_identity()["Account"]), regions_of(settings, session)


def find(settings: Mapping[str, Any]) -> list[Scope]:
    """One global scope and one per region for every account that the credentials reach.

    Raises NoTarget when none of them answers within two seconds. A named role that cannot be assumed keeps its
    scopes as long as another source works, so that its coverage shows the failure.
    """
    asked = sources(settings)
    found: dict[Source, tuple[str, list[str]]] = {}
    failed: dict[Source, str] = {}

    def ask(source: Source) -> None:
        try:
            found[source] = identity(source, settings)
        except NoTarget as error:
            failed[source] = str(error)
        except ClientError as error:
            failed[source] = unreachable(source, settings, str(error.response.get("Error", {}).get("Code", "")))
        except (BotoCoreError, ResponseParserError, OSError, ValueError, LookupError, TypeError) as error:
            failed[source] = unreachable(source, settings, type(error).__name__)

    threads = [threading.Thread(target=ask, args=(source,), daemon=True) for source in asked]
    ends = time.monotonic() + FIND_SECONDS
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, ends - time.monotonic()))
    known = dict(found)
    reasons = {s: failed.get(s) or unreachable(s, settings, "no answer in time") for s in asked if s not in known}
    if not known:
        raise NoTarget(next(iter(reasons.values())))
    for source, reason in reasons.items():
        log.warning("%s", reason)
        if source.role:
            known[source] = (source.role.split(":")[4], next(iter(known.values()))[1])
    excluded = set(settings.get("exclude_accounts") or ())
    accounts = {account: regions for account, regions in known.values() if account not in excluded}
    if not accounts:
        raise NoTarget("aws: every account found is in exclude_accounts")
    return [Scope("aws", a, region) for a in sorted(accounts) for region in ("global", *accounts[a])]


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


class AwsSession:
    """Clients of one account. Every call is checked against the declared operations and paced."""

    def __init__(
        self,
        account: str,
        boto: boto3.Session,
        settings: Mapping[str, Any],
        operations: tuple[Operation, ...],
        pace: Pace,
    ) -> None:
        self.account = account
        self.options: Mapping[str, Any] = {
            "regions": regions_of(settings, boto),
            "crl_fetch": bool(settings.get("crl_fetch")),
        }
        self._outside = Outside(settings.get("crl_hosts") or (), settings.get("ca_bundle") or "")
        self._boto, self._settings, self._pace = boto, settings, pace
        self._names = frozenset(operation.name for operation in operations)
        self._lock = threading.Lock()
        self._clients: dict[tuple[str, str], Any] = {}

    def send(self, operation: Operation, region: str, params: Mapping[str, Any]) -> Iterator[Any]:
        """Yields the items of every page, or the one object with its pages merged; raises ReadFailed or Absent."""
        if operation.name not in self._names:
            raise Undeclared(f"{operation} was not declared for this session")
        if operation.outside:
            self._pace.wait("global", operation.name)
            yield self._outside.fetch(params["url"])
            return
        service, _, method = operation.name.partition(".")
        where = home(self._settings, self._boto) if region == "global" else region
        try:
            pages = self._pages(self.client(service, where), method, params)
            if operation.items:
                for page in pages:
                    yield from listed(page, operation.items)
            else:
                yield REDACTED.get(operation.name, dict)(merged(pages))
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if code in operation.absent:
                raise Absent(code) from None
            assumed = "sts:AssumeRole" if error.operation_name == "AssumeRole" else ""
            raise ReadFailed(self._outcome(error, code, where), code or "ClientError", assumed) from None
        except EndpointConnectionError as error:
            known = where in self._boto.get_available_regions(service) or not self._boto.get_available_regions(service)
            offered = known or endpoint(self._settings, service) is not None
            raise ReadFailed("failed" if offered else "unavailable", type(error).__name__) from None
        except (BotoCoreError, ResponseParserError, OSError) as error:
            raise ReadFailed("failed", type(error).__name__) from None
        except Undeclared:
            if not reads(operation.name):
                raise
            raise ReadFailed("failed", "Undeclared", "the SDK asked for another operation") from None

    @staticmethod
    def _pages(client: Any, method: str, params: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        if client.can_paginate(method):
            yield from client.get_paginator(method).paginate(**params)
        else:
            yield getattr(client, method)(**params)

    @staticmethod
    def _outcome(error: ClientError, code: str, region: str) -> Outcome:
        if code in STALE:
            return "failed"
        if code in NOT_OFFERED or (code in UNKNOWN_TO_REGION and region not in ALWAYS_ON):
            return "unavailable"
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        return "denied" if code in DENIED or (status in (401, 403) and code not in UNKNOWN_TO_REGION) else "failed"

    def client(self, service: str, region: str) -> Any:
        """The guarded boto3 client of a service in a region, made once; safe for threads."""
        with self._lock:
            known = self._clients.get((service, region))
            if known is None:
                known = self._clients[service, region] = self._create(service, region)
            return known

    def _create(self, service: str, region: str) -> Any:
        url = endpoint(self._settings, service)
        client = self._boto.client(
            service,
            region_name=region,
            endpoint_url=url,
            verify=self._settings.get("ca_bundle") or None,
            config=Config(
                connect_timeout=CONNECT_SECONDS,
                read_timeout=self._settings.get("timeout_seconds") or READ_SECONDS,
                retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
                defaults_mode="legacy",
                max_pool_connections=32,
                s3={"addressing_style": "path"} if url else None,
            ),
        )

        def guard(model: Any, **_: Any) -> None:
            name = f"{service}.{xform_name(model.name)}"
            if name not in self._names or not reads(name):
                raise Undeclared(f"{name} is no declared read")
            self._pace.wait(region, name)

        client.meta.events.register_first("before-call", guard)
        client.meta.events.register("before-parse", whole_json)
        if service == "s3control" and client.meta.endpoint_url and "amazonaws.com" not in client.meta.endpoint_url:
            client.meta.events.register_first("before-sign", without_account)
        return client


def reads(name: str) -> bool:
    """Whether an operation's name says that it changes nothing, and says so truly."""
    return name not in WRITES and name.partition(".")[2].startswith(READS)


def without_account(request: Any, **_: Any) -> None:
    """Takes the account out of the host of a custom endpoint, which is one host for all accounts."""
    request.url = re.sub(r"://\d{12}\.", "://", request.url, count=1)


def whole_json(operation_model: Any, response_dict: Mapping[str, Any], **_: Any) -> None:
    """Refuses a truncated answer, which botocore would take for an empty one."""
    if "json" not in operation_model.service_model.resolved_protocol or response_dict["status_code"] >= 300:
        return
    try:
        json.loads(response_dict["body"])
    except ValueError:
        raise ReadFailed("failed", "MalformedBody") from None


def listed(page: Mapping[str, Any], path: str) -> list[Any]:
    """The list at a dotted path of a page; empty where the page leaves it out."""
    found: Any = page
    for part in path.split("."):
        found = (found or {}).get(part)
    return list(found or ())


def merged(pages: Iterator[Mapping[str, Any]]) -> dict[str, Any]:
    """All pages as one object: lists are joined, other members are the first page's."""
    whole: dict[str, Any] = {}
    for page in pages:
        for key, value in page.items():
            if key == "ResponseMetadata":
                continue
            if isinstance(value, list) and isinstance(whole.get(key), list):
                whole[key] = whole[key] + value
            else:
                whole.setdefault(key, value)
    return whole


def presence(value: Any) -> str:
    """A marker for a text that may be secret: empty, fetched by ``get_secret``, or a literal."""
    text = str(value or "")
    return "${get_secret(***)}" if "${get_secret(" in text else "***" if text else ""


def rule_without_secrets(reply: dict[str, Any]) -> dict[str, Any]:
    """A topic rule whose headers, Kafka properties, tokens and URL queries are markers."""
    rule = reply.get("rule") or {}
    for action in [*(rule.get("actions") or ()), rule.get("errorAction") or {}]:
        http = action.get("http") or {}
        for header in http.get("headers") or ():
            header["value"] = presence(header.get("value"))
        for member in ("url", "confirmationUrl"):
            if http.get(member):
                http[member] = plain_url(http[member])
        kafka = action.get("kafka") or {}
        for name, value in (kafka.get("clientProperties") or {}).items():
            if name not in KAFKA_PLAIN:
                kafka["clientProperties"][name] = presence(value)
        for header in kafka.get("headers") or ():
            header["value"] = presence(header.get("value"))
        salesforce = action.get("salesforce") or {}
        if salesforce.get("token"):
            salesforce["token"] = presence(salesforce["token"])
    return reply


def plain_url(url: str) -> str:
    """A URL without user, password, query and fragment."""
    return re.sub(r"^(\w+://)[^/@]*@", r"\1", re.split(r"[?#]", url, maxsplit=1)[0])


def job_without_secrets(reply: dict[str, Any]) -> dict[str, Any]:
    """A job, its template or its document without parameters, and with a marker for each value of a URL query."""
    (reply.get("job") or {}).pop("documentParameters", None)
    for member in ("document", "documentSource"):
        if reply.get(member):
            plain = re.sub(r"(https?://)[^/@\s\"'\\]*@", r"\1", reply[member])
            reply[member] = re.sub(r"([?&][^=&\s\"'\\]+=)[^&\s\"'\\}]*", r"\1***", plain)
    return reply


REDACTED: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "iot.get_topic_rule": rule_without_secrets,
    "iot.describe_job": job_without_secrets,
    "iot.describe_job_template": job_without_secrets,
    "iot.get_job_document": job_without_secrets,
    **WITHHELD,
}
"""Replies that can hold a secret, and what takes it out before anything else sees it."""


def connect(account: str, settings: Mapping[str, Any], operations: tuple[Operation, ...], pace: Pace) -> AwsSession:
    """A read-only session for one account. Raises NoTarget when no source leads to it."""
    ways = sources(settings)
    plain = [source for source in ways if not source.role]
    way = next((source for source in ways if source.role.split(":")[4:5] == [account]), None)
    try:
        way = way or (plain[0] if len(plain) == 1 else next((s for s in plain if leads(s, settings, account)), None))
        if way is not None:
            return AwsSession(account, opened(way, settings), settings, operations, pace)
    except BotoCoreError as error:
        raise NoTarget(unreachable(way or Source(), settings, type(error).__name__)) from None
    raise NoTarget(f"aws: no source leads to account {account}; check profiles and roles in the section aws")


def leads(source: Source, settings: Mapping[str, Any], account: str) -> bool:
    """Whether a source's credentials are of that account."""
    try:
        return identity(source, settings)[0] == account
    except (BotoCoreError, ClientError, NoTarget):
        return False
