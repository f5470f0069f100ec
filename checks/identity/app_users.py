"""Users of apps: how they sign in, and what their roles reach in AWS IoT."""

from __future__ import annotations

from checks.check import check
from checks.command import ROLE_POLICY
from checks.policy.app import too_much_for_a_guest, too_much_for_a_user
from checks.policy.document import holds
from collectors.schema import Rows, Verdict
from collectors.tables.app import PoolRole, UserPool


@check(
    severity="critical",
    serves=["aws-cognito-unauth-iot-access"],
    remedy={"aws": "Turn guests off, or bind the role's resources to ${cognito-identity.amazonaws.com:sub}."},
    command={"aws": ROLE_POLICY},
    only={"provider": "aws", "identities": "guests"},
    passes=[
        {"handed_out": False, "documents": '[{"Statement": {"Effect": "Allow", "Action": "iot:*", "Resource": "*"}}]'},
        {"handed_out": True, "documents": '[{"Statement": {"Effect": "Allow", "Action": "iot:Publish", "Resource": "arn:aws:iot:r:a:topic/app/${cognito-identity.amazonaws.com:sub}"}}]'},
        {"handed_out": True, "documents": '[{"Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}}]'},
    ],
    fails=[
        {"handed_out": True, "documents": '[{"Statement": {"Effect": "Allow", "Action": "iot:Publish", "Resource": "*"}}]'},
        {"handed_out": True, "documents": '[{"Statement": {"Effect": "Allow", "Action": "iot:UpdateThing", "Resource": "arn:aws:iot:r:a:thing/demo"}}]'},
    ],
    ignores=[{"identities": "signed-in users"}],
)  # fmt: skip
def guests_reach_no_devices(roles: Rows[PoolRole]) -> Verdict:
    """Guests of an app reach nothing in AWS IoT but what is bound to their own identity.

    Otherwise no login stands between the internet and the devices.
    """
    return ~(roles["handed_out"] & holds(roles["documents"], too_much_for_a_guest))


@check(
    severity="high",
    serves=["aws-cognito-auth-iot-permissive"],
    remedy={"aws": "Move administration to an identity pool and role of its own, and name things in what is read."},
    command={"aws": ROLE_POLICY},
    only={"provider": "aws", "identities": "signed-in users"},
    passes=[
        {"documents": '[{"Statement": {"Effect": "Allow", "Action": "iot:Publish", "Resource": "*"}}]'},
        {"documents": '[{"Statement": {"Effect": "Allow", "Action": "iot:DescribeThing", "Resource": "arn:aws:iot:r:a:thing/MyThing*"}}]'},
    ],
    fails=[
        {"documents": '[{"Statement": {"Effect": "Allow", "Action": "iot:AttachPolicy", "Resource": "*"}}]'},
        {"documents": '[{"Statement": {"Effect": "Allow", "Action": "iot:DescribeThing", "Resource": "arn:aws:iot:r:a:thing/*"}}]'},
        {"documents": '[{"Statement": {"Effect": "Allow", "Action": "iot:*", "Resource": "*"}}]'},
    ],
    ignores=[{"identities": "guests"}],
)  # fmt: skip
def app_users_administer_no_devices(roles: Rows[PoolRole]) -> Verdict:
    """Signed-in users of an app neither administer AWS IoT nor read about every thing.

    Otherwise one user of the app is the operator of the fleet.
    """
    return ~holds(roles["documents"], too_much_for_a_user)


@check(
    severity="medium",
    serves=["aws-cognito-userpool-iot-weak-login"],
    remedy={"aws": "Ask for passwords of 12 characters and a second factor, and turn threat protection on."},
    only={"provider": "aws", "iot": True},
    passes=[
        {"passwords": True, "password_length": 12, "mfa": "OPTIONAL", "threat_protection": "ENFORCED"},
        {"passwords": False, "password_length": 8, "mfa": "ON", "threat_protection": "AUDIT"},
    ],
    fails=[
        {"passwords": True, "password_length": 11, "mfa": "ON", "threat_protection": "ENFORCED"},
        {"passwords": True, "password_length": 12, "mfa": "OFF", "threat_protection": "ENFORCED"},
        {"passwords": True, "password_length": 12, "mfa": "ON", "threat_protection": "OFF"},
    ],
    ignores=[{"iot": False}],
)
def app_users_sign_in_strongly(pools: Rows[UserPool], *, length: int = 12) -> Verdict:
    """Users of an app that reaches devices sign in with long passwords and a second factor.

    Where passwords are guessed unhindered, guessing one is enough to drive that user's devices.
    """
    long = ~pools["passwords"] | (pools["password_length"] >= length)
    return long & (pools["mfa"] != "OFF") & (pools["threat_protection"] != "OFF")
