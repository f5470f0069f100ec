"""AWS IoT policies with known verdicts: the vendor's examples, restated under ``tests/policies``, and edges of the language.

In ``audit.json`` the verdict is the vendor's own (pages of the Device Defender audit checks, and its blog); in
``guide.json`` (examples of the developer guide) it follows from the rules that those pages state.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from checks.policy.bypassed_deny import (
    DENIED_YET_DELIVERED,
    WILDCARDS_IN_DENY,
    delivers_what_it_denies,
    denies_with_mqtt_wildcard,
)
from checks.policy.verdict import judge

EXAMPLES = [
    example
    for file in ("audit.json", "guide.json")
    for example in json.loads((Path(__file__).parent / "policies" / file).read_text())
]
OWN = "${iot:Connection.Thing.ThingName}"
ALL = "arn:aws:iot:*:*:"
ATTACHED = "iot:Connection.Thing.IsAttached"


def arn(resource: str) -> str:
    """A resource as an ARN; what is one, or ``*``, stays."""
    return (
        resource if resource == "*" or resource.startswith("arn:") else f"arn:aws:iot:eu-west-1:123456789012:{resource}"
    )


def many(value: str | list[str]) -> list[str]:
    """One or several as a list."""
    return [value] if isinstance(value, str) else value


def full(statement: dict[str, Any]) -> dict[str, Any]:
    """A statement of the data files as AWS IoT takes it."""
    found: dict[str, Any] = {"Effect": statement["effect"]}
    for key in ("Action", "NotAction"):
        if key in statement:
            found[key] = [a if ":" in a or a == "*" else f"iot:{a}" for a in many(statement[key])]
    for key in ("Resource", "NotResource"):
        if key in statement:
            found[key] = [arn(r) for r in many(statement[key])]
    return found | {key: statement[key] for key in ("Condition",) if key in statement}


def allow(action: str | list[str], resource: str | list[str], **more: Any) -> dict[str, Any]:
    """An Allow as in the data files."""
    return {"effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: str | list[str], resource: str | list[str], **more: Any) -> dict[str, Any]:
    """A Deny as in the data files."""
    return {**allow(action, resource, **more), "effect": "Deny"}


def but(effect: str, action: str, resource: str | list[str]) -> dict[str, Any]:
    """A statement on all resources but some."""
    return {"effect": effect, "Action": action, "NotResource": resource}


def attached(operator: str, value: Any, key: str = ATTACHED) -> dict[str, Any]:
    """A Connect on any client id, with a condition on the attachment."""
    return allow("Connect", "client/*", Condition={operator: {key: value}})


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: f"{e['source']}: {e['example']}")
def test_an_example_of_the_vendor_has_the_vendors_verdict(example: dict[str, Any]) -> None:
    verdict = judge([{"Version": "2012-10-17", "Statement": list(map(full, example["statements"]))}])
    assert verdict.overly_permissive == example["overly_permissive"], verdict.witnesses
    assert [code for code in verdict.reason_codes if not code.startswith("ALLOWS")] == example["misconfigured"]


BROAD: dict[str, list[dict[str, Any]]] = {
    "everything": [allow("iot:*", "*")],
    "any action on a bare star": [allow("*", "*")],
    "every resource of any region": [allow("iot:*", ALL + "*")],
    "an ARN cut short by a star": [allow("iot:Connect", "arn:aws:iot:*")],
    "action in another case": [allow("IOT:connect", "client/*")],
    "action with a wildcard": [allow("iot:Conn*", "client/*")],
    "one broad among narrow": [allow("Connect", ["client/pump1", "client/*", f"client/{OWN}"])],
    "a star that must match something": [allow("Connect", "client/?*")],
    "stars with only a dash between": [allow("Connect", "client/*-*")],
    "question marks": [allow("Connect", "client/??????")],
    "China": [allow("Connect", "arn:aws-cn:iot:cn-north-1:123456789012:client/*")],
    "GovCloud": [allow("Connect", "arn:aws-us-gov:iot:us-gov-west-1:123456789012:client/*")],
    "any type that begins alike": [allow("Connect", "cl*")],
    "a region filled in later": [allow("Connect", "arn:aws:iot:${AWS::Region}:${AWS::AccountId}:client/*")],
    "attached, not on this statement": [attached("Bool", "true"), allow("Connect", "client/*")],
    "attached, false": [attached("Bool", "false")],
    "attached, true or false": [attached("Bool", ["true", "false"])],
    "attached, if it exists": [attached("BoolIfExists", "true")],
    "attached, for all values": [attached("ForAllValues:Bool", "true")],
    "attached, as text": [attached("StringEquals", "true")],
    "attached, by another key": [attached("Bool", "true", "iot:Connection.Thing.IsOther")],
    "by address": [allow("Connect", "*", Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}})],
    "attached does not bind what is published": [
        allow("Publish", "topic/*", Condition={"Bool": {ATTACHED: "true"}}),
    ],
    "publish in the middle": [allow("Publish", "topic/$aws/things/*/jobs/*/update")],
    "publish to jobs of a number": [allow("Publish", "topic/$aws/things/*/jobs/job-42/update")],
    "publish to every topic": [allow("Publish", "topic/*")],
    "publish to a named shadow": [allow("Publish", "topic/$aws/things/*/shadow/name/config/update")],
    "publish by a suffix that reserved topics share": [allow("Publish", "topic/*/shadow/update")],
    "publish for question marks": [allow("Publish", "topic/$aws/things/????/shadow/get")],
    "publish on all but some": [but("Allow", "iot:Publish", arn("topic/audit"))],
    "all actions but one": [{"effect": "Allow", "NotAction": "iot:Connect", "Resource": "*"}],
    "publish, less a deny of one thing": [
        allow("Publish", "topic/$aws/things/*"), deny("Publish", "topic/$aws/things/pump1/*"),
    ],
    "publish, denied on a condition": [
        allow("Publish", "topic/$aws/things/*"),
        deny("Publish", "topic/$aws/things/*", Condition={"Bool": {ATTACHED: "false"}}),
    ],
    "publish, denied for the wrong type": [allow("Publish", "topic/*"), deny("Publish", "topicfilter/*")],
    "publish, denied by an unknown variable": [
        allow("Publish", "topic/$aws/*"), but("Deny", "iot:Publish", arn("topic/${iot:Unheard}/*")),
    ],
    "subscribe to every filter": [allow("Subscribe", "topicfilter/*")],
    "subscribe to one level of all": [allow("Subscribe", "topicfilter/$aws/things/+/#")],
    "subscribe above the things": [allow("Subscribe", "topicfilter/$aws/#")],
    "subscribe with + for things": [allow("Subscribe", "topicfilter/$aws/+/+/shadow/update/delta")],
    "subscribe to every filter but the own": [but("Allow", "iot:Subscribe", arn(f"topicfilter/$aws/things/{OWN}/*"))],
    "subscribe to notifications of all": [allow("Subscribe", "topicfilter/$aws/things/+/jobs/notify-next")],
    "jobs under the other prefix": [allow("iotjobsdata:UpdateJobExecution", "thing/*")],
    "jobs by a wildcard prefix": [allow("iotjobsdata:*", "thing/*")],
    "a named shadow of every thing": [allow("UpdateThingShadow", "thing/*/config")],
    "a resource of another service beside": [allow("Connect", ["arn:aws:s3:::${iot:ClientId}", "client/*"])],
    "the longest name": [allow("Connect", "client/" + "?" * 393)],
    "the longest name, and more by stars": [allow("Connect", "client/*" + "?" * 391 + "*")],
    "the client id and more": [allow("Connect", "client/${iot:ClientId}*")],
    "publish on all but resources of another service": [but("Allow", "iot:Publish", "arn:aws:s3:::fleet/*")],
    "publish on all but an unknown variable's": [but("Allow", "iot:Publish", arn("topic/${iot:Unheard}/*"))],
    "publish, denied for a bound variable only": [
        allow("Publish", "topic/$aws/things/*"), deny("Publish", "topic/$aws/things/${iot:CertificateId}/*"),
    ],
    "escaped star beside a star": [allow("Connect", ["client/${*}", "client/*"])],
}  # fmt: skip
NARROW: dict[str, list[dict[str, Any]]] = {
    "nothing": [],
    "narrow resources of every action": [allow("iot:*", [f"client/{OWN}", f"topic/pumps/{OWN}/*"])],
    "a prefix": [allow("Connect", "client/pump-*")],
    "a suffix": [allow("Connect", "client/*-pump")],
    "wildcards in region and account": [allow("Connect", f"{ALL}client/pump1")],
    "the wrong type": [allow("Connect", "topic/*"), allow("Publish", "topicfilter/*"), allow("Subscribe", "topic/*")],
    "another service's ARN": [allow("Publish", "arn:aws:s3:::fleet/*")],
    "an ARN without its account": [allow("Connect", "arn:aws:iot:eu-west-1:client/*")],
    "escaped wildcards": [allow("Connect", "client/${*}"), allow("Publish", "topic/$aws/things/${*}/shadow/${?}")],
    "resources mind the case": [allow("Connect", "Client/*"), allow("Publish", "topic/$AWS/things/*/shadow/update")],
    "a literal +": [allow("Connect", "client/+"), allow("Publish", "topic/$aws/things/+/shadow/update")],
    "attached": [attached("Bool", "true")],
    "attached, in a list": [attached("Bool", ["true"])],
    "attached, capitals": [attached("Bool", "TRUE")],
    "attached, JSON's own": [attached("Bool", True)],
    "attached, key in another case": [attached("Bool", "true", ATTACHED.lower())],
    "attached, for any value": [attached("ForAnyValue:Bool", "true")],
    "attributes": [allow("Connect", "client/${iot:Connection.Thing.Attributes[serial]}")],
    "thing types": [allow("Publish", "topic/$aws/things/${iot:Connection.Thing.ThingTypeName}-*/shadow/update")],
    "certificates": [allow("Connect", ["client/${iot:CertificateId}", "client/${iot:Certificate.SerialNumber}",
                                       "client/${iot:Certificate.Subject.CommonName.2}*"])],
    "Cognito": [allow("Connect", "client/${cognito-identity.amazonaws.com:sub}")],
    "unknown variable": [allow("Connect", "client/${iot:Thing.ThingName}"), allow("Publish", "topic/${iot:Foo}*")],
    "own thing and more": [allow("Publish", f"topic/$aws/things/{OWN}*")],
    "client id, where connect is bounded": [
        allow("Connect", "client/pump1"), allow("Publish", "topic/$aws/things/${iot:ClientId}/shadow/*"),
    ],
    "client id, connected by another policy": [allow("Publish", "topic/$aws/things/${iot:ClientId}/shadow/*")],
    "client id within itself": [allow("Connect", "client/pump-${iot:ClientId}")],
    "other reserved topics": [allow("Publish", ["topic/$aws/rules/*", "topic/$aws/events/*",
                                                "topic/$aws/provisioning-templates/*"])],
    "events": [allow("Subscribe", ["topicfilter/$aws/events/#", "topicfilter/$aws/events/*"])],
    "# alone reaches no reserved topic": [allow("Subscribe", ["topicfilter/#", "topicfilter/+/#", "topicfilter/+/+/+"])],
    "custom topics": [allow(["Publish", "Subscribe"], ["topic/pumps/*", "topicfilter/pumps/*"])],
    "a job whose name is a wildcard of MQTT": [
        allow("Publish", ["topic/$aws/things/*/jobs/+/get", "topic/$aws/things/*/jobs/#/get"]),
        allow("Subscribe", "topicfilter/$aws/things/*/jobs/#/get"),
    ],
    "a level too few": [allow("Subscribe", "topicfilter/$aws/+")],
    "what is not on the list": [allow(["Receive", "RetainPublish", "GetRetainedMessage", "ListRetainedMessages",
                                       "ListNamedShadowsForThing", "AssumeRoleWithCertificate", "greengrass:*"], "*")],
    "denied as widely": [allow("Publish", "topic/*"), deny("Publish", "topic/*")],
    "denied by every action": [allow("iot:*", "*"), deny("*", "*")],
    "denied but for the own": [
        allow("Publish", "topic/*"), but("Deny", "iot:Publish", [arn(f"topic/$aws/things/{OWN}/*"), arn("topic/news")]),
    ],
    "denied but for named actions": [
        allow("iot:*", "*"), {"effect": "Deny", "NotAction": "iot:Receive", "Resource": "*"},
    ],
    "denied on a condition that always holds": [
        allow("Connect", "client/*"), deny("Connect", "*", Condition={"StringLike": {"iot:ClientId": "*"}}),
    ],
    "denied at two ends": [allow("Connect", "client/*"), deny("Connect", ["client/?*"])],
    "allowed but for all reserved": [but("Allow", "iot:Publish", arn("topic/$aws/*"))],
    "the client id within a longer one": [allow("Connect", "client/${iot:ClientId}x")],
    "the client id of another type": [allow("Connect", "topic/${iot:ClientId}")],
    "a name longer by one": [allow("Connect", "client/" + "?" * 394)],
    "denied but for news, an unknown variable elsewhere": [
        allow("Publish", "topic/$aws/*"), but("Deny", "iot:Publish", arn("topic/news")),
        allow("Connect", "client/${iot:Unheard}"),
    ],
    "a name longer than any": [allow("Connect", "client/" + "?" * 1000)],
}  # fmt: skip


@pytest.mark.parametrize("name", BROAD)
def test_an_edge_of_the_language_is_broad(name: str) -> None:
    assert judge([{"Statement": list(map(full, BROAD[name]))}]).overly_permissive


@pytest.mark.parametrize("name", NARROW)
def test_an_edge_of_the_language_is_narrow(name: str) -> None:
    verdict = judge([{"Statement": list(map(full, NARROW[name]))}])
    assert not verdict.overly_permissive, verdict.witnesses


SUBSCRIBE, RECEIVE = allow("Subscribe", "topicfilter/doors/*"), allow("Receive", "topic/doors/*")
VAULT = deny("Subscribe", "topicfilter/doors/vault/*")
MISCONFIGURED: dict[str, tuple[list[dict[str, Any]], list[str]]] = {
    "deny as wide as the allow": ([SUBSCRIBE, deny("Subscribe", "topicfilter/doors/*"), RECEIVE], []),
    "deny wider than the allow": ([SUBSCRIBE, deny("Subscribe", "topicfilter/*"), RECEIVE], []),
    "never received": ([SUBSCRIBE, VAULT, allow("Receive", "topic/doors/lobby/*")], []),
    "not received at all": ([SUBSCRIBE, VAULT], []),
    "received by every action": ([allow("iot:*", "*"), VAULT], [DENIED_YET_DELIVERED]),
    "denied by every action": ([SUBSCRIBE, RECEIVE, deny("iot:*", [arn("topicfilter/doors/vault/*"), arn("topic/doors/vault/*")])], []),
    "received, denied on a condition": (
        [SUBSCRIBE, VAULT, RECEIVE, deny("Receive", "topic/doors/vault/*", Condition={"Bool": {ATTACHED: "false"}})],
        [DENIED_YET_DELIVERED],
    ),
    "received but for another tree": ([SUBSCRIBE, VAULT, but("Allow", "iot:Receive", arn("topic/lifts/*"))], [DENIED_YET_DELIVERED]),
    "everything else is denied, as a blog has it": ([SUBSCRIBE, VAULT, RECEIVE, but("Deny", "iot:Receive", arn("topic/doors/vault/*"))], [DENIED_YET_DELIVERED]),
    "only literal filters": ([allow("Subscribe", ["topicfilter/doors/lobby", "topicfilter/doors/#"]), VAULT, RECEIVE], []),
    "the own tree": (
        [allow("Subscribe", f"topicfilter/{OWN}/*"), deny("Subscribe", f"topicfilter/{OWN}/keys/*"), allow("Receive", f"topic/{OWN}/*")],
        [DENIED_YET_DELIVERED],
    ),
    "another variable's tree": (
        [allow("Subscribe", f"topicfilter/{OWN}/*"), deny("Subscribe", "topicfilter/${iot:CertificateId}/*"), allow("Receive", "*")],
        [],
    ),
    "reserved topics, which wildcards do not reach": (
        [allow("Subscribe", "topicfilter/*"), deny("Subscribe", "topicfilter/$aws/*"), allow("Receive", "topic/*")], [],
    ),
    "every wildcard denied with it": (
        [SUBSCRIBE, deny("Subscribe", ["topicfilter/doors/vault/*", "topicfilter/*#*", "topicfilter/*+*"]), RECEIVE],
        [WILDCARDS_IN_DENY],
    ),
    "a literal deny of the parent": ([SUBSCRIBE, deny("Subscribe", "topicfilter/doors/#"), RECEIVE], [WILDCARDS_IN_DENY]),
    "+ on a topic": ([deny("Publish", "topic/doors/+/open")], [WILDCARDS_IN_DENY]),
    "+ in a complement": ([but("Deny", "iot:Subscribe", arn("topicfilter/doors/+"))], [WILDCARDS_IN_DENY]),
    "+ on a condition": ([deny("Subscribe", "topicfilter/+", Condition={"Bool": {ATTACHED: "false"}})], [WILDCARDS_IN_DENY]),
    "+ as a client id": ([deny("Connect", "client/+")], []),
    "a second connection of a Greengrass core": ([deny("Connect", "client/core#2"), deny("Publish", "topic/core#2/state")], []),
    "+ after a star in the type": ([deny("Subscribe", "topic*/+")], [WILDCARDS_IN_DENY]),
    "+ after a star in another type": ([deny("Connect", "client*/+")], []),
    "denied in another service": ([deny("Publish", ["arn:aws:s3:::+", "topic/X"])], []),
    "a second connection's topic, and + below it": ([deny("Publish", "topic/core#2/+")], [WILDCARDS_IN_DENY]),
    "allowed by its own letters only": (
        [allow("Subscribe", ["topicfilter/doors/vault", "topicfilter/doors/#"]), deny("Subscribe", "topicfilter/doors/vault"),
         allow("Receive", "*")],
        [],
    ),
    "denied on a condition, every wildcard denied always": (
        [SUBSCRIBE, deny("Subscribe", "topicfilter/doors/vault", Condition={"Bool": {ATTACHED: "false"}}), RECEIVE,
         deny("Subscribe", ["topicfilter/*#*", "topicfilter/*+*"])],
        [WILDCARDS_IN_DENY],
    ),
    "allowed by its own letters, and others by a wildcard": (
        [allow("Subscribe", ["topicfilter/doors/vault", "topicfilter/doors/#", "topicfilter/doors/vault-*"]),
         deny("Subscribe", "topicfilter/doors/vault"), allow("Receive", "*")],
        [],
    ),
    "the client id's own tree": (
        [allow("Subscribe", "topicfilter/${iot:ClientId}/*"), deny("Subscribe", "topicfilter/${iot:ClientId}/keys/*"),
         allow("Receive", "topic/${iot:ClientId}/*")],
        [DENIED_YET_DELIVERED],
    ),
    "+ in an allow": ([allow("Subscribe", "topicfilter/doors/+")], []),
    "both": ([SUBSCRIBE, VAULT, deny("Subscribe", "topicfilter/doors/+"), RECEIVE], [WILDCARDS_IN_DENY, DENIED_YET_DELIVERED]),
}  # fmt: skip


@pytest.mark.parametrize("name", MISCONFIGURED)
def test_a_deny_keeps_what_it_denies_or_is_reported(name: str) -> None:
    statements, codes = MISCONFIGURED[name]
    verdict = judge([{"Statement": list(map(full, statements))}])
    assert [code for code in verdict.reason_codes if not code.startswith("ALLOWS")] == codes, verdict.witnesses
    assert verdict.potentially_misconfigured == bool(codes)
    document = json.dumps({"Statement": list(map(full, statements))})
    assert denies_with_mqtt_wildcard(document) == (WILDCARDS_IN_DENY in codes)
    assert delivers_what_it_denies(document) == (DENIED_YET_DELIVERED in codes)


LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
WITNESSES: dict[str, tuple[list[dict[str, Any]], list[str]]] = {
    "client ids": ([allow("Connect", "client/*")], ["client id `a` and client id `b` are both allowed by statement 1"]),
    "letters that nobody spelt": (
        [allow("Connect", ["client/*", f"client/{LETTERS}"])],
        ["client id `\u00e0` and client id `\u00e1` are both allowed by statement 1"],
    ),
    "letters, no signs": (
        [allow("Connect", ["client/*", f"client/{LETTERS}" + "".join(map(chr, range(0xE0, 0xF7)))])],
        ["client id `\u00f8` and client id `\u00f9` are both allowed by statement 1"],
    ),
    "topics": (
        [allow("Connect", "client/pump1"), allow("Publish", "topic/$aws/things/*/shadow/update")],
        ["topic `$aws/things/b/shadow/update` and topic `$aws/things/f/shadow/update` are both allowed by statement 2"
         " (iot:Publish)"],
    ),
    "one filter for all": (
        [allow("Subscribe", "topicfilter/$aws/things/+/#")],
        ["topic filter `$aws/things/+/#`, which delivers reserved topics of every thing, is allowed by statement 1"
         " (iot:Subscribe)"],
    ),
    "a filter for each": (
        [allow("Subscribe", "topicfilter/$aws/things/*/#"), deny("Subscribe", "topicfilter/*+*")],
        ["topic filter `$aws/things/b/#` and topic filter `$aws/things/d/#` are both allowed by statement 1 (iot:Subscribe)",
         "statement 2 denies `topicfilter/*+*`, where `+` is a plain character"],
    ),
    "things": (
        [allow("iotjobsdata:UpdateJobExecution", "thing/*")],
        ["thing `a` and thing `b` are both allowed by statement 1 (iotjobsdata:UpdateJobExecution)"],
    ),
    "shadows with a name": (
        [allow("UpdateThingShadow", "thing/*/config")],
        ["thing `a/config` and thing `b/config` are both allowed by statement 1 (iot:UpdateThingShadow)"],
    ),
    "by a complement": (
        [allow("Publish", "topic/a"), but("Allow", "iot:Connect", arn("client/a")), but("Allow", "iot:Connect", arn("x"))],
        ["client id `b` and client id `d` are both allowed by statement 2"],
    ),
    "by the complement that spares it not": (
        [but("Allow", "iot:Connect", arn("client/*")), but("Allow", "iot:Connect", arn("client/a"))],
        ["client id `b` and client id `d` are both allowed by statement 2"],
    ),
    "an unknown variable": (
        [allow("Connect", ["client/${iot:Foo}", "client/${iot:Foo}-${iot:Bar}"]), allow("Publish", "topic/${iot:Foo}")],
        ["statement 1 names `${iot:foo}`, which is no variable of AWS IoT policies: it matches nothing",
         "statement 1 names `${iot:bar}`, which is no variable of AWS IoT policies: it matches nothing",
         "statement 2 names `${iot:foo}`, which is no variable of AWS IoT policies: it matches nothing"],
    ),
    "+ in a Deny": (
        [deny("Publish", "topic/a:b:c/+/#")],
        ["statement 1 denies `topic/a:b:c/+/#`, where `+` is a plain character"],
    ),
    "# in a long Deny": (
        [deny("Publish", f"topic/#/{'x' * 300}")],
        [f"statement 1 denies `topic/#/{'x' * 192}`, where `#` is a plain character"],
    ),
    "the Deny that it gets around": (
        [SUBSCRIBE, deny("Subscribe", "topicfilter/lifts/*"), VAULT, RECEIVE],
        ["topic filter `doors/+/b` is allowed by statement 1 and delivers `doors/vault/b`, which statement 3 denies and"
         " statement 4 lets through"],
    ),
    "a topic that is denied and delivered": (
        [SUBSCRIBE, VAULT, RECEIVE],
        ["topic filter `doors/+/b` is allowed by statement 1 and delivers `doors/vault/b`, which statement 2 denies and"
         " statement 3 lets through"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WITNESSES)
def test_a_witness_names_what_shows_the_mistake_and_the_statement(name: str) -> None:
    statements, lines = WITNESSES[name]
    assert list(judge([{"Statement": list(map(full, statements))}]).witnesses) == lines


# What follows ``$aws/things/<thing>/`` in the reserved topics that the developer guide lists.
RESERVED = [
    *(f"shadow{name}/{way}{end}" for name in ("", "/name/config") for way, ends in
      (("get", ("", "/accepted", "/rejected")), ("delete", ("", "/accepted", "/rejected")),
       ("update", ("", "/accepted", "/rejected", "/delta", "/documents"))) for end in ends),
    *(f"jobs/{way}{end}" for way in ("get", "start-next", "job-1/get", "job-1/update") for end in ("", "/accepted", "/rejected")),
    "jobs/notify", "jobs/notify-next", "tunnels/notify", "greengrass/health/json", "greengrassv2/health/json",
    *(f"defender/metrics/{form}{end}" for form in ("json", "cbor") for end in ("", "/accepted", "/rejected")),
    *(f"streams/stream-1/{way}/{form}" for way in ("create", "describe", "description", "get", "data", "rejected")
      for form in ("json", "cbor")),
]  # fmt: skip


@pytest.mark.parametrize("suffix", RESERVED)
def test_a_reserved_topic_of_every_thing_is_broad_and_one_that_nobody_reserved_is_not(suffix: str) -> None:
    def broad(action: str, resource: str) -> bool:
        return judge([{"Statement": [full(allow(action, resource))]}]).overly_permissive

    head, _, last = suffix.rpartition("/")
    assert broad("Publish", f"topic/$aws/things/*/{suffix}")
    assert broad("Subscribe", f"topicfilter/$aws/things/?*/{suffix}")
    assert not broad("Publish", f"topic/$aws/things/*/{suffix}/more")
    assert not broad("Publish", f"topic/$aws/things/????/x{suffix}")
    for wider in (suffix, f"+/{suffix.partition('/')[2]}", f"{head}/+", f"{head}/#", f"{suffix}/#"):
        assert broad("Subscribe", f"topicfilter/$aws/things/+/{wider}"), wider
    for off in (f"x{suffix}", f"{suffix}x", f"{head}/x{last}", f"{suffix}/more"):
        assert not broad("Subscribe", f"topicfilter/$aws/things/+/{off}"), off


@pytest.mark.parametrize(
    "action",
    ["GetThingShadow", "UpdateThingShadow", "DeleteThingShadow",
     *(f"{service}:{way}" for service in ("iot", "iotjobsdata") for way in (
         "DescribeJobExecution", "GetPendingJobExecutions", "StartNextPendingJobExecution", "UpdateJobExecution"))],
)  # fmt: skip
def test_a_call_on_every_thing_is_broad(action: str) -> None:
    def broad(resource: str) -> bool:
        return judge([{"Statement": [full(allow(action, resource))]}]).overly_permissive

    assert broad("thing/*")
    assert broad("thing/*/config") == action.endswith("Shadow")
    assert not broad("thing/pump1")
    assert not broad("rolealias/*")
