"""How devices get in: custom authorizers, provisioning templates and the claims that may use them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from collectors.aws.account import RESULTS
from collectors.aws.certificate_issuers import DESCRIBE_AUTHORITY, DESCRIBE_CERTIFICATE, LIST_AUTHORITIES, TRUSTED
from collectors.aws.hubs import LIST_AUTHORIZERS
from collectors.aws.policies import (
    GET_POLICY,
    LIST_POLICIES,
    LIST_TARGETS,
    PRINCIPAL_THINGS,
    PROVISIONING,
    things_of,
)
from collectors.operation import Operation, Reader, collector
from collectors.schema import Row, Unread, is_gone
from collectors.tables.fleet import Authorizer, Claim, ProvisioningTemplate

DESCRIBE_AUTHORIZER = Operation("iot.describe_authorizer", "iot:DescribeAuthorizer", shared=True)
LIST_TEMPLATES = Operation(
    "iot.list_provisioning_templates", "iot:ListProvisioningTemplates", items="templates", shared=True, fixed=RESULTS
)
DESCRIBE_TEMPLATE = Operation("iot.describe_provisioning_template", "iot:DescribeProvisioningTemplate", shared=True)

KINDS = {"FLEET_PROVISIONING": "fleet provisioning", "JITP": "jitp"}
OF_CERTIFICATE = "AWS::IoT::Certificate::"
"""Parameters that the device's certificate fills in (AWS IoT Core, "Provisioning templates")."""
OWN = "${iot:CertificateId}"
"""Stands in a policy for a name that the device cannot choose."""
CHOSEN = "*"
"""Stands in a policy for a name that the device chooses: it may choose any."""


@collector(Authorizer, "aws", LIST_AUTHORIZERS, DESCRIBE_AUTHORIZER)
def authorizers(read: Reader) -> Iterator[Row]:
    """Every active custom authorizer of one region."""
    for listed in read(LIST_AUTHORIZERS):
        name = listed["authorizerName"]
        reply = read(DESCRIBE_AUTHORIZER, authorizerName=name)
        yield {
            "resource": listed["authorizerArn"],
            "name": name,
            "verifies_tokens": reply.cell(lambda r: not r["authorizerDescription"].get("signingDisabled", False)),
            "signing_keys": reply.cell(lambda r: len(r["authorizerDescription"].get("tokenSigningPublicKeys") or {})),
        }


@dataclass
class Handed:
    """Policies that a template hands out: documents in it, names of policies that exist apart, and any doubt."""

    documents: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    settled: bool = True


@dataclass
class Template:
    """A provisioning template. ``caller_chooses`` is whether its parameters are what the device says they are."""

    body: Mapping[str, Any]
    caller_chooses: bool
    doubtful: bool = False

    def handed_policies(self) -> Handed:
        """The policies among its resources."""
        found = Handed()
        for resource in (self.body.get("Resources") or {}).values():
            if resource.get("Type") != "AWS::IoT::Policy":
                continue
            properties = resource.get("Properties") or {}
            if "PolicyDocument" in properties:
                found.documents.append(self.document(properties["PolicyDocument"]))
            elif "PolicyName" in properties:
                found.names.append(str(self.without_references(properties["PolicyName"])))
        found.settled = not self.doubtful
        return found

    def document(self, value: Any) -> str:
        """A policy document, which is an object or the text of one, with every reference resolved."""
        whole = self.without_references(value)
        if isinstance(whole, str):
            try:
                whole = self.without_references(json.loads(whole))
            except ValueError:
                return str(whole)
        return json.dumps(whole)

    def without_references(self, value: Any) -> Any:
        """A value with its references replaced; those that cannot be told leave a doubt."""
        if isinstance(value, list):
            return [self.without_references(item) for item in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            [(function, argument)] = value.items()
            if function == "Ref":
                return self.parameter_text(str(argument))
            if function == "Fn::Join":
                separator, parts = argument
                return str(separator).join(str(self.without_references(part)) for part in parts)
            if function.startswith("Fn::"):
                self.doubtful = True
                return OWN
        return {key: self.without_references(item) for key, item in value.items()}

    def parameter_text(self, name: str) -> str:
        """What stands for a parameter."""
        if name.startswith(OF_CERTIFICATE):
            return OWN
        if self.caller_chooses and name in (self.body.get("Parameters") or {}):
            return CHOSEN
        self.doubtful = True
        return OWN


def documents_handed_out(read: Reader, body: Any, caller_chooses: bool) -> tuple[str | Unread, bool | Unread]:
    """The documents that a template hands out, and whether they are settled."""
    try:
        handed = Template(json.loads(body), caller_chooses).handed_policies()
    except Exception:  # whatever a body brings about costs these cells
        unread = Unread("not_parseable", detail="the template body is no provisioning template")
        return unread, unread
    documents = list(handed.documents)
    if handed.names:
        known = read(LIST_POLICIES).cell(lambda policies: {policy["policyName"] for policy in policies})
        if isinstance(known, Unread):
            return known, handed.settled
        for name in handed.names:
            if name not in known:
                handed.settled = handed.settled and OWN not in name and CHOSEN not in name
                continue
            document = read(GET_POLICY, policyName=name).cell(lambda policy: policy["policyDocument"])
            if is_gone(document):
                continue
            if isinstance(document, Unread):
                return document, handed.settled
            documents.append(document)
    return json.dumps(documents), handed.settled


@collector(ProvisioningTemplate, "aws", LIST_TEMPLATES, DESCRIBE_TEMPLATE, LIST_POLICIES, GET_POLICY)
def provisioning_templates(read: Reader) -> Iterator[Row]:
    """Every provisioning template of one region, in its default version, with the policies it hands out."""
    for listed in read(LIST_TEMPLATES):
        kind = KINDS.get(listed.get("type", "FLEET_PROVISIONING"))
        row: dict[str, Any] = {
            "resource": listed["templateArn"],
            "name": listed["templateName"],
            "kind": kind,
            "enabled": bool(listed.get("enabled", False)),
        }
        template = read(DESCRIBE_TEMPLATE, templateName=listed["templateName"]).cell(dict)
        if isinstance(template, Unread):
            yield row | dict.fromkeys(("hooked", "documents", "settled"), template)
            continue
        hooked = bool((template.get("preProvisioningHook") or {}).get("targetArn"))
        documents, settled = documents_handed_out(
            read, template["templateBody"], kind == "fleet provisioning" and not hooked
        )
        yield row | {"hooked": hooked, "documents": documents, "settled": settled}


@collector(
    ProvisioningTemplate, "aws", LIST_AUTHORITIES, DESCRIBE_AUTHORITY, LIST_POLICIES, GET_POLICY, kind="ca registration"
)
def registration_templates(read: Reader) -> Iterator[Row]:
    """The template of every CA that has one of its own. One that names a template is told by that template."""
    for listed in read(LIST_AUTHORITIES):
        for reply in read(DESCRIBE_AUTHORITY, certificateId=listed["certificateId"]):
            if body := (reply.get("registrationConfig") or {}).get("templateBody"):
                documents, settled = documents_handed_out(read, body, caller_chooses=False)
                yield {
                    "resource": listed["certificateArn"],
                    "name": listed["certificateId"],
                    "enabled": listed["status"] == "ACTIVE",
                    "hooked": False,
                    "documents": documents,
                    "settled": settled,
                }


@collector(Claim, "aws", LIST_POLICIES, GET_POLICY, LIST_TARGETS, PRINCIPAL_THINGS, DESCRIBE_CERTIFICATE)
def claims(read: Reader) -> Iterator[Row]:
    """Every certificate of one region with a policy that names a provisioning template."""
    documents: dict[str, str | Unread] = {}
    candidates: set[str] = set()
    for listed in read(LIST_POLICIES):
        name = listed["policyName"]
        reply = read(GET_POLICY, policyName=name)
        documents[name] = reply.cell(lambda policy: policy["policyDocument"])
        for policy in reply:
            if PROVISIONING in policy["policyDocument"]:
                candidates.update(target for target in read(LIST_TARGETS, policyName=name) if ":cert/" in target)
    for arn in sorted(candidates):
        things = things_of(read, arn)
        row: dict[str, Any] = {"resource": arn, "name": arn.rpartition("/")[2]}
        row["things"] = things if isinstance(things, Unread) else len(things)
        if row["things"] == 0:
            row["active"] = read(DESCRIBE_CERTIFICATE, certificateId=row["name"]).cell(
                lambda reply: reply["certificateDescription"]["status"] in TRUSTED
            )
            row["documents"] = attached_to(read, arn, documents)
        yield row


def attached_to(read: Reader, arn: str, documents: Mapping[str, str | Unread]) -> str | Unread:
    """The documents of every policy attached to a certificate; unread when one of them, or its targets, is."""
    found: list[str | Unread] = []
    for name, document in documents.items():
        targets: Iterable[str] | Unread = read(LIST_TARGETS, policyName=name).cell(list)
        if is_gone(targets) or is_gone(document):
            continue
        if isinstance(targets, Unread):
            return targets
        if arn in targets:
            found.append(document)
    return next((document for document in found if isinstance(document, Unread)), None) or json.dumps(found)
