"""Mitigation actions of Device Defender: what can be done to a device, certificate or policy that it found."""

from __future__ import annotations

from collectors.aws.account import RESULTS
from collectors.operation import Operation, Reader
from collectors.schema import Unread, any_of, is_gone

LIST_ACTIONS = Operation(
    "iot.list_mitigation_actions", "iot:ListMitigationActions", items="actionIdentifiers", fixed=RESULTS
)
DESCRIBE_ACTION = Operation("iot.describe_mitigation_action", "iot:DescribeMitigationAction")

CONTAINING = frozenset({
    "ADD_THINGS_TO_THING_GROUP", "REPLACE_DEFAULT_POLICY_VERSION", "UPDATE_CA_CERTIFICATE", "UPDATE_DEVICE_CERTIFICATE",
})  # fmt: skip
"""Actions that put a device in quarantine, take its rights or deactivate a certificate; the others switch the log on or
tell somebody (AWS IoT Device Defender, "Mitigation actions")."""


def containable(read: Reader) -> bool | Unread:
    """Whether a mitigation action of the region contains a device; asks no further than the first that does."""
    names = read(LIST_ACTIONS).cell(lambda actions: [action["actionName"] for action in actions])
    if isinstance(names, Unread):
        return names
    told = (
        read(DESCRIBE_ACTION, actionName=name).cell(lambda action: action["actionType"] in CONTAINING) for name in names
    )
    found: bool | Unread = any_of(one for one in told if not is_gone(one))
    return found
