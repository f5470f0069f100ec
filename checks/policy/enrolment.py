"""What the policies of a claim certificate let it do besides provisioning."""

from __future__ import annotations

from checks.policy.device import THING_ACTIONS, Device
from checks.policy.document import all_of
from checks.policy.pattern import Items, fits, items
from checks.policy.topics import OF_TOPICS, possible

TEMPLATES = "$aws/provisioning-templates/"


def template_named(pattern: Items, kind: str) -> str | None:
    """The provisioning template that a topic pattern is for; None when it is for none, or for several."""
    text = "".join(item if len(item) == 1 else "\0" for item in pattern)
    name, slash, _ = text.removeprefix(kind + TEMPLATES).partition("/provision/")
    return name if slash and name and not set("\0/+#") & set(name) else None


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
            if possible(pattern, kind) and not certificates and not is_denied(device, action, pattern):
                templates.add(template_named(pattern, kind))
    apis = (*THING_ACTIONS, "iot:AssumeRoleWithCertificate")
    others = any(reaches(device, action) for action in apis)
    return others or None in templates or len(templates) > 1


def reaches(device: Device, action: str) -> bool:
    """Whether an API is allowed on anything at all."""
    kind = "rolealias/" if action.endswith("AssumeRoleWithCertificate") else "thing/"
    side = device.reach(action).allow
    return bool(side.complements) or any(
        possible(pattern, kind) and not is_denied(device, action, pattern) for pattern in side.patterns
    )


def is_denied(device: Device, action: str, pattern: Items) -> bool:
    """Whether a Deny covers all that a pattern matches."""
    return any(fits(wide, pattern) for wide in device.reach(action).deny.patterns)
