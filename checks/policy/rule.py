"""What the IAM role of a topic rule's action may do besides that action. Policies are read as they stand."""

from __future__ import annotations

import re

from checks.policy.document import Statement, all_of

EVERYWHERE = frozenset({"cloudwatch:putmetricdata", "timestream:describeendpoints"})
"""Actions that cannot be limited to a resource, so `*` is right (Service Authorization Reference)."""
HELPERS = frozenset({"kms"})
"""Services that an action may need besides its own, to write into an encrypted target."""
ANY_NAME = re.compile(
    r"(arn:[^:]*:[^:]*:[^:]*:[^:]*:)?"
    r"((table|topic|stream|deliverystream|log-group|domain|alarm|stateMachine|input|channel|tracker|key|database|asset)[/:])?"
    r"\*.*"
)
"""A resource whose name begins with a wildcard."""


def wider(statement: Statement, service: str) -> bool:
    """Whether a statement allows more than named actions of one service on named resources."""
    if not statement.allows:
        return False
    if statement.not_actions or statement.not_resources:
        return True
    actions = [action.lower() for action in statement.actions]
    if any("*" in a or "?" in a or a.partition(":")[0] not in HELPERS | {service} for a in actions):
        return True
    return not EVERYWHERE.issuperset(actions) and any(ANY_NAME.fullmatch(r) for r in statement.resources)


def does_more(service_and_documents: str) -> bool:
    """Whether a role may do more than an action of a service needs: the service, a line break, the role's documents.

    Raises ``ValueError`` for what is no policy.
    """
    service, _, documents = service_and_documents.partition("\n")
    return any(wider(statement, service) for statement in all_of(documents))
