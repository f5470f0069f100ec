"""How devices get in: authorizers, provisioning templates, claims and automatic registration."""

from __future__ import annotations

import json

from checks.check import check, proven
from checks.policy.device import acts_on_others, connects_as_anyone, listens_to_others, publishes_for_others
from checks.policy.document import answer, holds
from checks.policy.enrolment import exceeds_a_claim
from checks.policy.examples import iot, policy
from collectors.schema import Rows, Verdict
from collectors.tables.device import Certificate
from collectors.tables.fleet import Authorizer, Claim, ProvisioningTemplate


@check(
    severity="high",
    serves=["aws-iot-ca-auto-registration-open"],
    remedy={"aws": "Switch auto-registration off, or bind a provisioning template or a rule that checks each device."},
    command={
        "aws": (
            "aws iot update-ca-certificate --region {region} --certificate-id {resource.id}"
            " --new-auto-registration-status DISABLE"
        ),
    },
    only={"provider": "aws", "kind": "authority", "active": True},
    passes=[
        {"auto_registers": False, "registration_vetted": False},
        {"auto_registers": True, "registration_vetted": True},
    ],
    fails=[{"auto_registers": True, "registration_vetted": False}],
    ignores=[{"kind": "device"}, {"active": False}],
)
def auto_registration_is_vetted(certificates: Rows[Certificate]) -> Verdict:
    """A CA that registers unknown devices has something that vets them.

    Otherwise any holder of a key under the CA becomes a registered device.
    """
    return ~certificates["auto_registers"] | certificates["registration_vetted"]


@check(
    severity="high",
    serves=["aws-iot-authorizer-signing-disabled"],
    remedy={"aws": "Create the authorizer anew with signing enabled and a public key of RSA 2048 at least."},
    command={
        "aws": (
            "aws iot create-authorizer --region {region} --authorizer-name YOUR_NEW_NAME"
            " --authorizer-function-arn YOUR_FUNCTION_ARN --token-key-name YOUR_TOKEN_HEADER"
            " --token-signing-public-keys file://YOUR_PUBLIC_KEYS.json --no-signing-disabled --status ACTIVE"
        ),
    },
    only={"provider": "aws"},
    passes=[{"verifies_tokens": True, "signing_keys": 1}],
    fails=[{"verifies_tokens": False, "signing_keys": 0}],
    open=[{"verifies_tokens": True, "signing_keys": 0}],
)
def authorizer_verifies_tokens(authorizers: Rows[Authorizer]) -> Verdict:
    """A custom authorizer accepts only tokens whose signature AWS IoT verified.

    Otherwise anybody can make the function run, and whether a token is genuine rests on its code alone.
    """
    return authorizers["verifies_tokens"] & proven(authorizers["signing_keys"] > 0)


@check(
    severity="high",
    serves=["aws-iot-provisioning-template-no-hook"],
    remedy={"aws": "Add a pre-provisioning hook that checks the serial number against an allow-list."},
    command={
        "aws": (
            "aws iot update-provisioning-template --region {region} --template-name {name}"
            " --pre-provisioning-hook payloadVersion=2020-04-01,targetArn=YOUR_FUNCTION_ARN"
        ),
    },
    only={"provider": "aws", "kind": "fleet provisioning", "enabled": True},
    passes=[{"hooked": True}],
    fails=[{"hooked": False}],
    ignores=[{"kind": "jitp"}, {"enabled": False}],
)
def provisioning_asks_a_hook(templates: Rows[ProvisioningTemplate]) -> Verdict:
    """A fleet-provisioning template asks a hook about each device.

    Without one, whoever holds a claim's key enrols as many devices as they like.
    """
    return templates["hooked"]


def lets_act_as_others(documents: str) -> bool:
    """Whether one of several policies lets a device act as others. Raises ``ValueError`` when none does for certain."""
    answers = [
        answer(question, document if isinstance(document, str) else json.dumps(document))
        for document in json.loads(documents)
        for question in (connects_as_anyone, publishes_for_others, listens_to_others, acts_on_others)
    ]
    if None in answers and True not in answers:
        raise ValueError("a document cannot be judged")
    return True in answers


NARROW = (
    '[{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "iot:Connect",'
    ' "Resource": "arn:aws:iot:eu-west-1:123456789012:client/${iot:CertificateId}"}}]'
)


WIDE = '[{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "iot:*", "Resource": "*"}}]'


def policies_given(*policies: str) -> str:
    """Policies that a template gives a device, for examples."""
    return f"[{', '.join(policies)}]"


UNDECIDED = policy("iot:Connect", iot("client/${iot:NoSuchVariable}"))


@check(
    severity="critical",
    serves=["aws-iot-provisioning-template-policy-permissive"],
    remedy={"aws": "Use thing policy variables in the policy that the template hands out."},
    command={
        "aws": (
            "aws iot create-provisioning-template-version --region {region} --template-name {name}"
            " --template-body file://YOUR_TEMPLATE.json --set-as-default"
        ),
        "aws ca registration": (
            "aws iot update-ca-certificate --region {region} --certificate-id {resource.id}"
            " --registration-config file://YOUR_REGISTRATION_CONFIG.json"
        ),
    },
    only={"provider": "aws"},
    passes=[{"documents": NARROW, "settled": True}, {"documents": "[]", "settled": True}],
    fails=[
        {"documents": WIDE, "settled": False},
        {"documents": json.dumps([policy("iot:Connect", iot("client/*"))]), "settled": True},
        {"documents": policies_given(policy("iot:Publish", iot("topic/$aws/things/*/shadow/update"))), "settled": True},
        {
            "documents": policies_given(policy("iot:Subscribe", iot("topicfilter/$aws/things/+/shadow/update"))),
            "settled": True,
        },
        {"documents": policies_given(policy("iot:UpdateThingShadow", iot("thing/*"))), "settled": True},
        {"documents": policies_given(UNDECIDED, policy("iot:*", "*")), "settled": True},
    ],
    open=[{"documents": NARROW, "settled": False}, {"documents": policies_given(UNDECIDED), "settled": True}],
)
def provisioning_hands_out_narrow_policies(templates: Rows[ProvisioningTemplate]) -> Verdict:
    """A provisioning template gives a new device rights over itself only.

    One flaw in a template is repeated in every device that it makes.
    """
    return ~holds(templates["documents"], lets_act_as_others) & proven(templates["settled"])


CLAIM = (
    '[{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:Connect", "Resource": "*"},'
    ' {"Effect": "Allow", "Action": "iot:Publish", "Resource": ['
    '"arn:aws:iot:eu-west-1:123456789012:topic/$aws/certificates/create/*",'
    ' "arn:aws:iot:eu-west-1:123456789012:topic/$aws/provisioning-templates/meters/provision/*"]}]}]'
)


@check(
    severity="high",
    serves=["aws-iot-claim-cert-policy-excess"],
    remedy={"aws": "Give claims a policy of their own that names one template, and a new claim to every batch."},
    command={
        "aws": ("aws iot detach-policy --region {region} --policy-name YOUR_TOO_WIDE_POLICY --target {resource}"),
    },
    only={"provider": "aws", "active": True, "things": 0},
    passes=[{"documents": CLAIM}],
    fails=[{"documents": CLAIM.replace("meters", "*")}, {"documents": WIDE}],
    ignores=[{"active": False}, {"things": 1}],
)
def claim_can_only_provision(claims: Rows[Claim]) -> Verdict:
    """The certificate of a provisioning claim can do nothing but provision, by one template.

    Its key lies in every device of a production batch, so whatever it may do, any owner of one device may do.
    """
    return ~holds(claims["documents"], exceeds_a_claim)
