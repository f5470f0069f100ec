"""AWS: gateways, tunnels, app logins and what watches them. Single replies and statements; no cloud is asked."""

from __future__ import annotations

import json
from typing import Any

import pytest

from collectors.aws.cloudtrail import keeps_writes
from collectors.aws.cognito import USER_POOL
from collectors.aws.greengrass import asks_for_root, clients_open, development, release, root
from collectors.aws.pca import publishes
from collectors.aws.privatelink import is_bound_to_network
from collectors.aws.redaction import component, deployment
from collectors.schema import Unread
from lab.server import CANARY


def test_configurations_and_recipes_lose_their_values_and_keep_their_shape() -> None:
    merge = json.dumps({"runWithDefault": {"posixUser": "root"}, "networkProxy": {"password": CANARY}})
    reply = {
        "components": {
            "aws.greengrass.Nucleus": {"configurationUpdate": {"merge": merge}},
            "com.example.Own": {"configurationUpdate": {"merge": json.dumps({"password": CANARY})}},
            "com.example.Broken": {"configurationUpdate": {"merge": f"password: {CANARY}"}},
        }
    }
    plain = deployment(reply)
    assert CANARY not in json.dumps(plain)
    kept = plain["components"]["aws.greengrass.Nucleus"]["configurationUpdate"]["merge"]
    assert json.loads(kept) == {"runWithDefault": {"posixUser": "root"}}
    recipe = {"Manifests": [{"Lifecycle": {"run": {"Script": CANARY, "RequiresPrivilege": "true"}}}]}
    masked = component({"recipe": json.dumps(recipe).encode()})
    assert CANARY not in json.dumps(masked)
    assert asks_for_root(masked["recipe"])
    assert "recipe" not in component({"recipe": f"RecipeFormatVersion: {CANARY}".encode()})


@pytest.mark.parametrize(
    ("lifecycle", "asks"),
    [
        ({"run": {"Script": "x", "RequiresPrivilege": True}}, True),
        ({"Startup": {"Script": "x", "requiresPrivilege": "true"}}, True),
        ({"all": {"run": {"Script": "x", "RequiresPrivilege": True}}}, True),
        ({"install": {"Script": "x", "RequiresPrivilege": True}, "run": "x"}, False),
        ({"run": {"Script": "x", "RequiresPrivilege": "false"}}, False),
        ({}, False),
    ],
)
def test_a_privileged_step_counts_when_it_keeps_running(lifecycle: dict[str, Any], asks: bool) -> None:
    assert asks_for_root({"Manifests": [{"Lifecycle": lifecycle}]}) is asks
    assert asks_for_root({"Lifecycle": lifecycle, "Manifests": []}) is asks


def test_root_is_known_by_name_and_by_number() -> None:
    assert all(root(user) for user in ("root", "0", "root:root", "0:0"))
    assert not any(root(user) for user in ("", "ggc_user", "1000:0", "rooted"))


def test_a_version_is_one_number() -> None:
    assert (release("2.12.6"), release("2.5.0"), release("3.0.1")) == (2012, 2005, 3000)
    with pytest.raises(ValueError, match="invalid literal"):
        release("two.five")


def test_only_a_tag_about_the_stage_says_that_something_is_for_development() -> None:
    assert development({"Stage": "dev"})
    assert not development({"stage": "prod"})
    assert not development({"owner": "test"})
    assert not development(None)


def chosen(rule: str, resources: list[str], operations: list[str] | None = None) -> dict[str, Any]:
    """Client device auth with one group."""
    statement = {"operations": operations or ["*"], "resources": resources}
    definitions = {"all": {"selectionRule": rule, "policyName": "talk"}}
    groups = {"definitions": definitions, "policies": {"talk": {"s": statement}}}
    return {"configurationUpdate": {"merge": json.dumps({"deviceGroups": groups})}}


def test_clients_are_open_when_everyone_may_do_everything() -> None:
    assert clients_open(chosen("thingName: *", ["*"])) is True
    assert clients_open(chosen("thingName: a OR thingName: *", ["*"], ["mqtt:subscribe"])) is True
    assert clients_open(chosen("thingName: meter*", ["*"])) is False
    assert clients_open(chosen("thingName: *", ["mqtt:topic:own"])) is False
    assert clients_open(chosen("thingName: *", ["*"], ["mqtt:connect"])) is False


@pytest.mark.parametrize(
    ("merge", "cause"),
    [(None, "absent_field"), ("{}", "absent_field"), ("not JSON", "not_parseable"), ('{"deviceGroups": 1}', "not_parseable")],
)  # fmt: skip
def test_a_configuration_that_is_not_there_is_not_read(merge: str | None, cause: str) -> None:
    found = clients_open({"configurationUpdate": {"merge": merge}} if merge else {})
    assert isinstance(found, Unread)
    assert found.cause == cause


def test_a_trail_counts_when_it_keeps_write_calls_of_the_management_plane() -> None:
    def advanced(*fields: dict[str, Any]) -> bool:
        return keeps_writes({"AdvancedEventSelectors": [{"FieldSelectors": list(fields)}]})

    management = {"Field": "eventCategory", "Equals": ["Management"]}
    assert keeps_writes({"EventSelectors": [{"ReadWriteType": "WriteOnly", "IncludeManagementEvents": True}]})
    assert not keeps_writes({"EventSelectors": [{"ReadWriteType": "ReadOnly", "IncludeManagementEvents": True}]})
    assert not keeps_writes({"EventSelectors": [{"ReadWriteType": "All", "IncludeManagementEvents": False}]})
    assert not keeps_writes({})
    assert advanced(management)
    assert advanced(management, {"Field": "eventSource", "NotEquals": ["kms.amazonaws.com"]})
    assert not advanced(management, {"Field": "readOnly", "Equals": ["true"]})
    assert not advanced({"Field": "eventCategory", "Equals": ["Data"]})
    assert not advanced(management, {"Field": "resources.ARN", "StartsWith": ["arn:aws:s3"]})


def test_a_crl_that_no_certificate_points_at_is_not_published() -> None:
    hidden = {"CrlDistributionPointExtensionConfiguration": {"OmitExtension": True}}
    assert publishes({"CrlConfiguration": {"Enabled": True}})
    assert publishes({"OcspConfiguration": {"Enabled": True}, "CrlConfiguration": {"Enabled": True} | hidden})
    assert not publishes({"CrlConfiguration": {"Enabled": True} | hidden})
    assert not publishes({})


def test_a_policy_is_bound_to_a_network_by_its_condition() -> None:
    statement = {"Effect": "Allow", "Action": "iot:Connect", "Resource": "*"}
    condition = {"Condition": {"StringEquals": {"AWS:SourceVpce": "vpce-1"}}}
    assert is_bound_to_network(json.dumps({"Statement": statement | condition}))
    assert not is_bound_to_network(json.dumps({"Statement": statement}))
    assert not is_bound_to_network("no JSON")


def test_a_user_pool_is_found_in_the_name_of_its_provider() -> None:
    found = USER_POOL.match("cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbC:client")
    assert found and found.groups() == ("eu-west-1", "eu-west-1_AbC")
    assert not USER_POOL.match("accounts.google.com")
