"""AWS: what stands behind topic rules, read through boto3 from the lab."""

from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd
import pytest

from collectors.aws.session import connect
from collectors.operation import Memory, declared
from collectors.rate_limit import RateLimiter
from collectors.registry import COLLECTORS
from collectors.run import collect
from collectors.schema import Table, Tables
from collectors.scope import Scope
from collectors.tables.rule_targets import RuleDestination, RuleStore, Secret
from lab.aws import Aws
from lab.aws_policies import ACCOUNT, HOME
from lab.server import Fault

CHOSEN = [c for c in COLLECTORS if c.provider == "aws" and c.table in (RuleDestination, RuleStore, Secret)]
OPERATIONS = declared("aws", CHOSEN)


def looked(cloud: Aws, *denied: str) -> Tables:
    """One region of the lab as these collectors see it, with some operations denied."""
    cloud.switchboard.clear()
    cloud.switchboard.faults.update({name: Fault("deny") for name in denied})
    try:
        transport = connect(ACCOUNT, cloud.settings(), OPERATIONS, RateLimiter(5000))
        return collect(Scope("aws", ACCOUNT, HOME), transport, Memory(), datetime.now(UTC), CHOSEN)
    finally:
        cloud.switchboard.clear()


@pytest.fixture(scope="module")
def whole(aws_alone: Aws) -> Tables:
    """What they see when nothing is denied."""
    return looked(aws_alone)


def by_name(tables: Tables, table: type[Table]) -> pd.DataFrame:
    """The rows of a table by name."""
    return tables.frames[table].set_index("name")


def cells(tables: Tables, table: type[Table], *columns: str) -> dict[str, tuple[object, ...]]:
    """Some columns of a table by name."""
    return {found[0]: tuple(found[1:]) for found in by_name(tables, table)[list(columns)].itertuples()}


def test_destinations_tell_their_state_and_whether_a_rule_leads_to_them(whole: Tables) -> None:
    assert cells(whole, RuleDestination, "kind", "status", "plain_http", "in_use") == {
        "https://hooks.partner.example/confirm": ("http", "ENABLED", False, True),
        "https://hooks.partner.example/brightwater": ("http", "IN_PROGRESS", False, True),
        "https://api.partner.example/readings": ("http", "ENABLED", False, True),
        "http://partner-2019.example/confirm": ("http", "DISABLED", True, False),
        "vpc-0a1b2c3d": ("vpc", "ERROR", False, True),
    }


def test_only_secrets_that_a_rule_names_are_asked_for(whole: Tables) -> None:
    assert cells(whole, Secret, "used_by", "rotates", "changed_days", "customer_key") == {
        "erp/kafka": ("erp_stream", False, 800, True),
        "partner": ("partner_webhook_vaulted", True, 20, False),
    }
    assert not any("value" in operation.name for operation in OPERATIONS)


def test_tables_and_databases_tell_their_key_and_whether_they_come_back(whole: Tables) -> None:
    found = by_name(whole, RuleStore)
    assert found["customer_key"].to_dict() == {"readings": True, "readings-2019": False, "brightwater": True}
    assert found["recoverable"].dropna().to_dict() == {"readings": True, "readings-2019": False}
    assert found["deletion_protected"].dropna().to_dict() == {"readings": True, "readings-2019": False}


def test_whether_a_destination_is_used_is_unknown_where_a_rule_was_denied(aws_alone: Aws) -> None:
    assert by_name(looked(aws_alone, "iot.get_topic_rule"), RuleDestination)["in_use"].isna().all()


def test_without_its_endpoint_a_timestream_database_is_unread_and_not_asked_for(aws_alone: Aws) -> None:
    after = looked(aws_alone, "timestream-write.describe_endpoints")
    assert by_name(after, RuleStore)["customer_key"].isna().to_dict() == {
        "readings": False, "readings-2019": False, "brightwater": True,
    }  # fmt: skip
    assert set(after.unread["permission"]) == {"timestream:DescribeEndpoints"}
    assert "timestream-write.describe_database" not in set(after.coverage["operation"])
