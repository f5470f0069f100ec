"""Databases that topic rules write to: DynamoDB tables and Timestream databases, and the keys of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from collectors.operation import Operation, Reader

GONE = ("ResourceNotFoundException",)
TABLE = Operation("dynamodb.describe_table", "dynamodb:DescribeTable", absent=GONE, shared=True)
BACKUPS = Operation(
    "dynamodb.describe_continuous_backups",
    "dynamodb:DescribeContinuousBackups",
    absent=("TableNotFoundException", *GONE),
)
ENDPOINTS = Operation("timestream-write.describe_endpoints", "timestream:DescribeEndpoints", shared=True)
"""Where the account's Timestream answers: its SDK asks this before anything else
(Amazon Timestream, "The endpoint discovery pattern")."""
DATABASE = Operation("timestream-write.describe_database", "timestream:DescribeDatabase", absent=GONE, shared=True)


def table_name(action: Mapping[str, Any]) -> str:
    """The table of a ``dynamoDB`` or ``dynamoDBv2`` action; empty where the message chooses it."""
    name = str(action.get("tableName") or (action.get("putItem") or {}).get("tableName") or "")
    return "" if "${" in name else name


def database_name(action: Mapping[str, Any]) -> str:
    """The database of a ``timestream`` action; empty where the message chooses it."""
    name = str(action.get("databaseName") or "")
    return "" if "${" in name else name


def table_key(table: Mapping[str, Any]) -> str:
    """The KMS key of a table; empty where AWS owns it, the default (Amazon DynamoDB, "DynamoDB encryption at rest")."""
    return str((table.get("SSEDescription") or {}).get("KMSMasterKeyArn", ""))


def table_keys(read: Reader, action: Mapping[str, Any]) -> set[str]:
    """The KMS key of the table that an action writes to."""
    name = table_name(action)
    return {table_key(reply["Table"]) for reply in read(TABLE, TableName=name)} if name else set()


def database_keys(read: Reader, action: Mapping[str, Any]) -> set[str]:
    """The KMS key of the database that an action writes to."""
    name = database_name(action)
    if not name:
        return set()
    return {
        reply["Database"].get("KmsKeyId", "") for _ in read(ENDPOINTS) for reply in read(DATABASE, DatabaseName=name)
    }
