"""The transport to AWS: boto3 clients that can only read, and only what was declared."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import boto3
from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError
from botocore.parsers import ResponseParserError

from collectors.aws import refusals
from collectors.aws.credentials import endpoint, home, regions_of, steady
from collectors.aws.redaction import REDACTED
from collectors.crl_http import Outside
from collectors.operation import Operation, ReadFailed, Undeclared
from collectors.rate_limit import RateLimiter

READS = ("get_", "list_", "describe_")
"""Only methods that start so ever leave this machine; `iot.describe_endpoint`, which creates an endpoint, does not."""
WRITES = frozenset({"iot.describe_endpoint"})
REPORTS = frozenset({"iam.generate_service_last_accessed_details"})
"""Operations without a reading name that are let through all the same: IAM makes a report on when a role's services were
last used. It changes nothing in the account (IAM API Reference, "GenerateServiceLastAccessedDetails"; the Service
Authorization Reference lists its access level as Read)."""


class AwsSession:
    """Clients of one account. Every call is checked against the declared operations and paced."""

    def __init__(
        self,
        account: str,
        boto: boto3.Session,
        settings: Mapping[str, Any],
        operations: tuple[Operation, ...],
        pace: RateLimiter,
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
                    yield from items_at(page, operation.items)
            else:
                yield REDACTED.get(operation.name, dict)(self._merged_reply(operation, again))
        except ClientError as error:
            raise refusals.failure(error, operation, params, self.account, where) from None
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

    def _merged_reply(self, operation: Operation, ask: Callable[[], Iterator[Mapping[str, Any]]]) -> dict[str, Any]:
        """A reply with its pages merged; a report is asked for again until it is finished or patience ends."""
        for _ in self._pace.turns():
            found = merged_pages(ask())
            if operation.ready is None or operation.ready(found):
                return found
        raise ReadFailed("partial", "NotFinished", "the report was still being made when the scan stopped waiting")

    @staticmethod
    def _pages(client: Any, method: str, params: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        if client.can_paginate(method):
            yield from client.get_paginator(method).paginate(**params)
        else:
            yield getattr(client, method)(**params)

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
        client.meta.events.register("before-parse", refuse_truncated)
        if service == "s3control" and client.meta.endpoint_url and "amazonaws.com" not in client.meta.endpoint_url:
            client.meta.events.register_first("before-sign", without_account)
        return client


def reads(name: str) -> bool:
    """Whether an operation's name says that it changes nothing, and says so truly."""
    return name in REPORTS or (name not in WRITES and name.partition(".")[2].startswith(READS))


def without_account(request: Any, **_: Any) -> None:
    """Takes the account out of the host of a custom endpoint, which is one host for all accounts."""
    request.url = re.sub(r"://\d{12}\.", "://", request.url, count=1)


def refuse_truncated(operation_model: Any, response_dict: Mapping[str, Any], **_: Any) -> None:
    """Refuses a truncated answer, which botocore would take for an empty one."""
    if "json" not in operation_model.service_model.resolved_protocol or response_dict["status_code"] >= 300:
        return
    try:
        json.loads(response_dict["body"])
    except ValueError:
        raise ReadFailed("failed", "MalformedBody") from None


def items_at(page: Mapping[str, Any], path: str) -> list[Any]:
    """The list at a dotted path of a page; empty where the page leaves it out."""
    found: Any = page
    for part in path.split("."):
        found = (found or {}).get(part)
    return list(found or ())


def merged_pages(pages: Iterator[Mapping[str, Any]]) -> dict[str, Any]:
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
