"""Policies that are in force at once: what they allow together, and none of them alone."""

from __future__ import annotations

import json

import pytest

from checks.policy.device import Undecided
from checks.policy.document import NotAPolicy
from checks.policy.union import (
    delivers_what_is_denied_together,
    reaches_others_together,
    trusts_a_chosen_client_id_together,
)

CONNECT = '{"Statement": {"Effect": "Allow", "Action": "iot:Connect", "Resource": "arn:aws:iot:r:a:client/*"}}'


def said(action: str, resource: str, effect: str = "Allow") -> str:
    statement = {"Effect": effect, "Action": f"iot:{action}", "Resource": f"arn:aws:iot:r:a:{resource}"}
    return json.dumps({"Statement": statement})


@pytest.mark.parametrize(
    ("sets", "reaches", "chosen"),
    [
        ([[CONNECT, said("Publish", "topic/$aws/things/${iot:ClientId}/shadow/update")]], True, False),
        ([[CONNECT], [said("Publish", "topic/$aws/things/${iot:ClientId}/shadow/update")]], False, False),
        ([[CONNECT, said("GetThingShadow", "thing/${iot:ClientId}")]], True, False),
        ([[CONNECT, said("Publish", "topic/${iot:ClientId}/data")]], False, True),
        ([[CONNECT, said("Publish", "topic/${iot:ClientId}/data"), said("Connect", "client/*", "Deny")]], False, False),
        ([[CONNECT, said("Publish", "topic/$aws/things/*")]], False, False),
        ([[CONNECT, CONNECT]], False, False),
        ([[]], False, False),
    ],
)
def test_a_set_is_asked_for_what_none_of_its_documents_allows_alone(
    sets: list[list[str]], reaches: bool, chosen: bool
) -> None:
    assert reaches_others_together(json.dumps(sets)) is reaches
    assert trusts_a_chosen_client_id_together(json.dumps(sets)) is chosen


def test_a_set_with_an_undocumented_variable_or_no_policy_is_not_decided() -> None:
    listen, receive = said("Subscribe", "topicfilter/doors/*"), said("Receive", "topic/doors/*")
    slip = said("Subscribe", "topicfilter/doors/${iot:Thing.ThingName}/*", "Deny")
    assert not delivers_what_is_denied_together(json.dumps([[listen, receive, slip]]))
    for wrong in ('["x"]', "{}", '[["{}", "{}"]]', '[[{"Statement": []}]]'):
        with pytest.raises(NotAPolicy):
            reaches_others_together(wrong)
    odd = said("Publish", "topic/$aws/things/${iot:ClientId}/${aws:unheard}")
    with pytest.raises(Undecided):
        reaches_others_together(json.dumps([[CONNECT, odd]]))
