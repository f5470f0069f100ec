"""Policies written short, for the examples of checks."""

from __future__ import annotations

import json


def policy(action: str, resource: str, effect: str = "Allow") -> str:
    """A policy of one statement."""
    return f'{{"Statement": {{"Effect": "{effect}", "Action": "{action}", "Resource": "{resource}"}}}}'


def iot(resource: str) -> str:
    """An AWS IoT ARN."""
    return f"arn:aws:iot:eu-west-1:123456789012:{resource}"


def statements(*said: tuple[str, str, str]) -> str:
    """A policy of statements, each effect, action and what it is for."""
    return json.dumps(
        {"Statement": [{"Effect": effect, "Action": f"iot:{action}", "Resource": iot(resource)}
                       for effect, action, resource in said]}
    )  # fmt: skip


OWN = "${iot:Connection.Thing.ThingName}"


def in_force(*policies: list[tuple[str, str]]) -> str:
    """Policies in force together, each of them actions (a Deny with !) and what they are for."""
    documents = [
        statements(
            *(("Deny" if action[0] == "!" else "Allow", action.strip("!"), resource) for action, resource in said)
        )
        for said in policies
    ]
    return json.dumps([documents])
