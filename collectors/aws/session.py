"""The transport to AWS: boto3 clients that can only read, and only what was declared."""

from __future__ import annotations

import json
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import boto3
import botocore.session
from botocore import xform_name
from botocore.config import Config
from botocore.credentials import (
    AssumeRoleCredentialFetcher,
    CredentialProvider,
    CredentialResolver,
    Credentials,
    DeferredRefreshableCredentials,
)
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError
from botocore.parsers import ResponseParserError

from collectors.aws.account import partition
from collectors.aws.organization import ASSUME_ROLE, LIST_ACCOUNTS, LISTING, listing, member_role
from collectors.aws.withheld import WITHHELD
from collectors.operation import Absent, Notes, Operation, Outcome, ReadFailed, Scope, Undeclared
from collectors.outside import Outside
from collectors.pace import Pace
from collectors.target import QUICK, NoTarget, Scopes, find_seconds

READS = ("get_", "list_", "describe_")
"""Only methods that start so ever leave this machine; `iot.describe_endpoint`, which creates an endpoint, does not."""
WRITES = frozenset({"iot.describe_endpoint"})
REPORTS = frozenset({"iam.generate_service_last_accessed_details"})
"""Operations without a reading name that are let through all the same: IAM makes a report on when a role's services were
last used. It changes nothing in the account (IAM API Reference, "GenerateServiceLastAccessedDetails"; the Service
Authorization Reference lists its access level as Read)."""
ATTEMPTS = 3
CONNECT_SECONDS = 5
READ_SECONDS = 30
"""The same when an organization is to be scanned: it was asked for, and listing it takes longer than that anyway."""
ENTERING = 16
"""Roles tried at once when the accounts of an organization are found."""

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


def chain(source: Source, settings: Mapping[str, Any]) -> botocore.session.Session:
    """The session of a source's own credentials, before any role."""
    inner = botocore.session.Session(profile=source.profile or None)
    if not settings.get("instance_metadata"):
        refuse_metadata(inner)
    return inner


def opened(source: Source, settings: Mapping[str, Any], config: Config | None = None) -> boto3.Session:
    """A boto3 session for a source. Raises ``BotoCoreError`` for an unknown profile or missing credentials.

    ``config`` is what the role is asked for with: patiently unless told otherwise, as it is asked again in a long scan.
    """
    inner = chain(source, settings)
    session = boto3.Session(botocore_session=inner)
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
    return boto3.Session(botocore_session=assumed)


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
    return Config(connect_timeout=1, read_timeout=1.5, retries={"total_max_attempts": 1}, defaults_mode="legacy")


def steady(settings: Mapping[str, Any], **more: Any) -> Config:
    """The timeouts and retries of a scan."""
    return Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=settings.get("timeout_seconds") or READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        defaults_mode="legacy",
        max_pool_connections=32,
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
    session = opened(source, settings, config or once())
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


def find(settings: Mapping[str, Any]) -> Scopes:
    """One global scope and one per region for every account that the credentials reach.

    Raises NoTarget when none of them answers in time. A role that cannot be assumed keeps its scopes as
    long as another source works: what it hides is unknown, and its coverage and one line say why.
    """
    asked, seconds = sources(settings), find_seconds(settings)
    found: dict[Source, Identity] = {}
    failed: dict[Source, tuple[ReadFailed, str]] = {}

    def ask(source: Source) -> None:
        try:
            found[source] = identity(source, settings, steady(settings) if seconds > QUICK else once())
        except NoTarget as error:
            failed[source] = ReadFailed("failed", "NoTarget"), str(error)
        except (ClientError, BotoCoreError, ResponseParserError, OSError, ValueError, LookupError, TypeError) as error:
            failure = refusal(error, source.role)
            failed[source] = failure, unreachable(source, settings, failure.code)

    threads = [threading.Thread(target=ask, args=(source,), daemon=True) for source in asked]
    ends = time.monotonic() + seconds
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, ends - time.monotonic()))
    known = {source: found[source] for source in asked if source in dict(found)}
    late = ReadFailed("failed", "no answer in time")
    reasons = {s: failed.get(s) or (late, unreachable(s, settings, late.code)) for s in asked if s not in known}
    if not known:
        raise NoTarget(next(line for _, line in reasons.values()))
    first = next(iter(known.values()))
    reached = Reached(frozenset(settings.get("exclude_accounts") or ()), lines=[line for _, line in reasons.values()])
    for source in asked:
        who = known.get(source)
        account = who.account if who else source.role.split(":")[4] if source.role else ""
        if account:
            reached.accounts[account] = who.regions if who else first.regions
        if source.role:
            reached.note(account, ASSUME_ROLE, None if who else reasons[source][0])
    if settings.get("organization"):
        lister = next((source for source in known if not source.role), asked[0])
        if lister in known:
            others = {s.role.split(":")[4] for s in asked if s.role} | {known[s].account for s in known if s != lister}
            members(lister, known[lister], others, settings, reached)
        else:
            reached.refused(first.account, LIST_ACCOUNTS, reasons[lister][0])
    return reached.scopes()


@dataclass
class Reached:
    """The accounts that finding has come to, each with its regions, and what was refused on the way."""

    excluded: frozenset[str]
    accounts: dict[str, tuple[str, ...]] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    notes: dict[str, Notes] = field(default_factory=dict)

    def note(self, account: str, operation: Operation, failure: ReadFailed | None = None) -> None:
        """Notes the coverage of one call."""
        self.notes.setdefault(account, Notes()).cover(Scope("aws", account, "global"), "global", operation, failure)

    def refused(self, account: str, operation: Operation, failure: ReadFailed) -> None:
        """Notes that a list of accounts is not whole."""
        self.note(account, operation, failure)
        self.lines.append(
            f"aws: {operation} {failure.outcome} ({failure.code}) in account {account}: accounts of the organization "
            f"are missing from this scan; {operation.permission} must be asked by the management account or a "
            "delegated administrator"
        )

    def scopes(self) -> Scopes:
        """Every account that is not excluded, globally and by region. Raises NoTarget when there is none."""
        accounts = sorted(set(self.accounts) - self.excluded)
        if not accounts:
            why = "aws: every account found is in exclude_accounts or outside organizational_units"
            raise NoTarget("\n".join([*self.lines, why]))
        rows = [r for a in sorted(set(self.notes) - self.excluded) for _, r in sorted(self.notes[a].coverage.items())]
        found = [Scope("aws", a, region) for a in accounts for region in ("global", *self.accounts[a])]
        return Scopes(found, rows, self.lines)


def members(lister: Source, who: Identity, others: set[str], settings: Mapping[str, Any], reached: Reached) -> None:
    """Adds the accounts of the organization that a source's account may list, and tries the role of each."""
    boto = opened(lister, settings)
    session = AwsSession(who.account, boto, settings, LISTING, Pace(settings.get("calls_per_second") or 10))
    whole = listing(
        lambda operation, params: session.send(operation, "global", params), settings.get("organizational_units") or ()
    )
    for operation, failure in whole.asked.items():
        if failure:
            reached.refused(who.account, operation, failure)
        else:
            reached.note(who.account, operation)
    if not any(whole.asked.values()) and who.account not in {*whole.active, *others}:
        del reached.accounts[who.account]  # it only lists: it is in none of the units
    entering = [a for a in whole.active if a not in {who.account, *others, *reached.excluded}]
    reached.accounts |= dict.fromkeys(entering, who.regions)
    client, missed = sts(boto, settings, steady(settings)), dict[str, list[str]]()

    def enter(account: str) -> ReadFailed | None:
        role = member_role(settings, account, who.partition)
        try:
            client.assume_role(RoleArn=role, **introduction(settings))
        except (ClientError, BotoCoreError, ResponseParserError, OSError) as error:
            return refusal(error, role)
        return None

    with ThreadPoolExecutor(ENTERING, thread_name_prefix="enter") as pool:
        for account, failure in zip(entering, pool.map(enter, entering), strict=True):
            reached.note(account, ASSUME_ROLE, failure)
            if failure:
                missed.setdefault(failure.code, []).append(account)
    reached.lines += [
        f"aws: sts.assume_role gave no access ({code}) to {member_role(settings, 'ACCOUNT', who.partition)} in "
        f"{len(held)} of {len(entering)} accounts: {', '.join(held)}; what they hold is unknown"
        for code, held in sorted(missed.items())
    ]


def refusal(error: Exception, role: str = "") -> ReadFailed:
    """What came of an attempt to log in, or to assume a role."""
    detail, permission = (f"role {role}", ASSUME_ROLE.permission) if role else ("", "")
    if not isinstance(error, ClientError):
        return ReadFailed("failed", type(error).__name__, detail, permission)
    code = str(error.response.get("Error", {}).get("Code", "")) or "ClientError"
    denied = code in DENIED and code not in STALE
    return ReadFailed("denied" if denied else "failed", code, detail, permission)


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

        def again() -> Iterator[Mapping[str, Any]]:
            return self._pages(self.client(service, where), method, params)

        try:
            if operation.items:
                for page in again():
                    yield from listed(page, operation.items)
            else:
                yield REDACTED.get(operation.name, dict)(self._whole(operation, again))
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if code in operation.absent:
                raise Absent(code) from None
            assumed = ASSUME_ROLE.permission if error.operation_name == "AssumeRole" else ""
            raise ReadFailed(self._outcome(error, code, where), code or "ClientError", "", assumed) from None
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

    def _whole(self, operation: Operation, ask: Callable[[], Iterator[Mapping[str, Any]]]) -> dict[str, Any]:
        """A reply with its pages merged; a report is asked for again until it is finished or patience ends."""
        for _ in self._pace.turns():
            found = merged(ask())
            if operation.ready is None or operation.ready(found):
                return found
        raise ReadFailed("partial", "NotFinished", "the report was still being made when the scan stopped waiting")

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
            config=steady(self._settings, s3={"addressing_style": "path"} if url else None),
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
    return name in REPORTS or (name not in WRITES and name.partition(".")[2].startswith(READS))


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
    """A read-only session for one account.

    Raises NoTarget when no source leads to it, and ReadFailed when its role cannot be assumed.
    """
    try:
        way = way_to(account, settings)
        if way is not None:
            boto = opened(way, settings)
            if way.role:
                enter(boto, way.role)
            return AwsSession(account, boto, settings, operations, pace)
    except BotoCoreError as error:
        raise NoTarget(
            f"aws: no way into account {account} ({type(error).__name__}); check profiles and roles"
        ) from None
    raise NoTarget(f"aws: no source leads to account {account}; check profiles and roles in the section aws")


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
