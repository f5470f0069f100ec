"""Policies around provisioning: what a claim certificate may do, and what a provisioning template hands out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from checks.policy.device import THING_ACTIONS, Device, Undecided
from checks.policy.document import NotAPolicy, all_of, load, parse
from checks.policy.pattern import Items, fits, items
from checks.policy.topics import OF_TOPICS, possible

TEMPLATES = "$aws/provisioning-templates/"
CERTIFICATE = "AWS::IoT::Certificate::"
"""References that are filled in from the certificate's subject, not by who asks for it ("Provisioning templates")."""


def template_named(pattern: Items, kind: str) -> str | None:
    """The provisioning template that a topic pattern is for; None when it is for none, or for several."""
    text = "".join(item if len(item) == 1 else "\0" for item in pattern)
    name, slash, _ = text.removeprefix(kind + TEMPLATES).partition("/provision/")
    return name if text.startswith(kind + TEMPLATES) and slash and name and not set("\0/+#") & set(name) else None


def is_claim(documents: str) -> bool:
    """Whether the policies, a JSON list, let a certificate provision devices by a template that they name."""
    device = Device(all_of(documents))
    return any(
        TEMPLATES in "".join(pattern)
        for action in OF_TOPICS
        for pattern in device.reach(action).allow.patterns
    )  # fmt: skip


def exceeds_a_claim(documents: str) -> bool:
    """The policies of a claim certificate, a JSON list, let it do more than ask one template for a certificate.

    Connecting as anyone is no excess: the vendor's own sample does so.
    """
    device = Device(all_of(documents))
    templates: set[str | None] = set()
    for action, kind in OF_TOPICS.items():
        side = device.reach(action).allow
        if side.complements:
            return True
        for pattern in side.patterns:
            certificates = fits(items(f"{kind}$aws/certificates/create*"), pattern)
            if possible(pattern, kind) and not certificates and not refused(device, action, pattern):
                templates.add(template_named(pattern, kind))
    apis = (*THING_ACTIONS, "iot:AssumeRoleWithCertificate")
    others = any(not device.reach(action).allow.empty and reaches(device, action) for action in apis)
    return others or None in templates or len(templates) > 1


def reaches(device: Device, action: str) -> bool:
    """Whether an API is allowed on anything at all."""
    kind = "rolealias/" if action.endswith("AssumeRoleWithCertificate") else "thing/"
    side = device.reach(action).allow
    return bool(side.complements) or any(
        possible(pattern, kind) and not refused(device, action, pattern) for pattern in side.patterns
    )


def refused(device: Device, action: str, pattern: Items) -> bool:
    """Whether a Deny covers all that a pattern matches."""
    return any(fits(wide, pattern) for wide in device.reach(action).deny.patterns)


def resolved(value: Any, hook: bool) -> Any:
    """A template's value with its references as variables: the certificate's own are bound, others are not known.

    With a hook that overrides parameters (``hook``), every parameter is decided by the account's own code.
    """
    if isinstance(value, list):
        return [resolved(item, hook) for item in value]
    if not isinstance(value, Mapping):
        return value
    if set(value) == {"Ref"}:
        bound = hook or str(value["Ref"]).startswith(CERTIFICATE)
        return "${iot:CertificateId}" if bound else f"${{parameter {value['Ref']}}}"
    if set(value) == {"Fn::Join"} and isinstance(value["Fn::Join"], list) and len(value["Fn::Join"]) == 2:
        glue, parts = value["Fn::Join"]
        return str(glue).join(map(str, resolved(parts if isinstance(parts, list) else [parts], hook)))
    if set(value) == {"Fn::Sub"}:
        return value["Fn::Sub"] if isinstance(value["Fn::Sub"], str) else "${parameter}"
    return {key: resolved(item, hook) for key, item in value.items()}


def template_policies(body: str, *, hook: bool = False) -> Iterator[Mapping[str, Any] | str]:
    """What a provisioning template hands to every device: documents, and names of policies as text.

    ``body`` is the template, JSON. Raises NotAPolicy when it is no template.
    """
    template = load(body)
    resources = template.get("Resources") if isinstance(template, Mapping) else None
    if not isinstance(resources, Mapping):
        raise NotAPolicy("a provisioning template is a JSON object with Resources")
    for found in resources.values():
        if not isinstance(found, Mapping) or found.get("Type") != "AWS::IoT::Policy":
            continue
        properties = found.get("Properties")
        if not isinstance(properties, Mapping):
            raise NotAPolicy("the template's policy has no Properties")
        document, name = properties.get("PolicyDocument"), properties.get("PolicyName")
        if document is not None:
            loaded = resolved(load(document) if isinstance(document, str) else document, hook)
            yield load(loaded) if isinstance(loaded, str) else loaded
        elif isinstance(name, str):
            yield name
        else:
            raise NotAPolicy("the template's policy has neither PolicyDocument nor a PolicyName that is known")


def hands_out_broad_policy(body: str) -> bool:
    """A provisioning template's own policies, together, are overly permissive. Named policies are judged where they are.

    Raises Undecided where a parameter that the caller fills in decides it.
    """
    documents = [found for found in template_policies(body) if not isinstance(found, str)]
    device = Device([statement for document in documents for statement in parse(document)])
    if device.broad():
        return True
    if device.hope is not device and device.hope.broad():
        raise Undecided(", ".join(sorted({variable for variable, _ in device.strange()})))
    return False
