"""What stands behind the topic rules of AWS IoT: destinations, databases and secrets."""

from __future__ import annotations

from collectors.schema import Table, days, flag, text


class RuleDestination(Table):
    """One row per destination of AWS IoT topic rules: a web service, a VPC (for Kafka) or an InfluxDB instance."""

    context = ("kind",)

    kind = text("What it is.", "http", "vpc", "influxdb")
    status = text("How AWS lists it, as in `ENABLED`, `IN_PROGRESS`, `ERROR`.")
    plain_http = flag("Its URL has no TLS.")
    in_use = flag("An action of a rule leads to it.")


class RuleStore(Table):
    """One row per DynamoDB table or Timestream database that an AWS IoT topic rule writes to. AWS encrypts them all."""

    context = ("used_by",)

    kind = text("What it is.", "dynamodb", "timestream")
    used_by = text("The rules that write to it.")
    customer_key = flag("It is encrypted with a key that the customer manages.")
    deletion_protected = flag("DynamoDB: it cannot be deleted before the protection is taken off.")
    recoverable = flag("DynamoDB: it can be restored to any moment of its last days.")


class Secret(Table):
    """One row per secret of AWS Secrets Manager that a topic rule fetches. Its value is never read."""

    context = ("used_by",)

    used_by = text("The rules, or destinations of rules, that name it.")
    rotates = flag("It is rotated by itself.")
    changed_days = days("Days since its value or a setting was last changed.")
    customer_key = flag("It is encrypted with another key than AWS's own for Secrets Manager.")
