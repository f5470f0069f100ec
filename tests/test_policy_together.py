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
        ([[CONNECT], [CONNECT, said("Publish", "topic/${iot:ClientId}/data")]], False, True),
        ([[CONNECT, said("Receive", "*")], [CONNECT, said("Publish", "topic/${iot:ClientId}/data")]], False, True),
        (
            [[CONNECT, said("Publish", "topic/$aws/things/*"), said("Publish", "topic/${iot:ClientId}/data")]],
            False,
            True,
        ),
        (
            [
                [
                    CONNECT,
                    said("GetThingShadow", "thing/*"),
                    said("Subscribe", "topicfilter/$aws/things/${iot:ClientId}/#"),
                ]
            ],
            True,
            False,
        ),
        ([[said("*", "topic/${iot:ClientId}/data")], [CONNECT]], False, False),
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


LISTEN, VAULT = said("Subscribe", "topicfilter/doors/*"), said("Subscribe", "topicfilter/doors/vault/*", "Deny")
HEAR, ODD = said("Receive", "topic/doors/*"), said("Publish", "topic/${iot:Foo}/*")


@pytest.mark.parametrize(
    ("sets", "delivers"),
    [
        ([[LISTEN, VAULT, HEAR]], True),
        ([[LISTEN, HEAR], [LISTEN, VAULT], [HEAR, VAULT]], False),
        ([[LISTEN, HEAR], [LISTEN, VAULT, HEAR]], True),
        ([[LISTEN, HEAR, ODD]], False),
    ],
)
def test_a_set_with_a_deny_is_asked_whether_it_keeps_what_it_denies(sets: list[list[str]], delivers: bool) -> None:
    assert delivers_what_is_denied_together(json.dumps(sets)) is delivers


@pytest.mark.parametrize("wrong", ['[[], "x"]', "[[], 1]", '[["{}"], 1]', '[{"a": 1}]', "[[1]]", '"x"', "1"])
def test_sets_come_as_a_list_of_lists_of_policies(wrong: str) -> None:
    with pytest.raises(NotAPolicy):
        reaches_others_together(wrong)


def test_a_document_alone_that_is_no_policy_leaves_every_set_open() -> None:
    with pytest.raises(NotAPolicy):
        reaches_others_together(json.dumps([["{}"], [CONNECT, HEAR]]))


def test_a_variable_nobody_documents_leaves_a_set_open_only_where_no_document_is_open_alone() -> None:
    own = said("Publish", "topic/${iot:ClientId}/data")
    alone = said("Publish", "topic/$aws/things/*/${iot:Foo}")
    assert not reaches_others_together(json.dumps([[own, alone]]))
    assert not reaches_others_together(json.dumps([[own, said("Connect", "client/${iot:Foo}")]]))
