"""The command that carries out a remedy: a template, filled in with the ids of the row that fails.

A template is one command of a cloud's own command line, as one types it. In it `{column}` is a cell of the row,
`{column.part}` a part of the id in that cell (:data:`PARTS`), and `YOUR_…` what only a person can choose.

A name in a cloud may be chosen by somebody hostile, and the command is pasted into a shell. So each value stays inside
one argument and is quoted there; and rather than a command that may do something else there is none (:func:`fits`).
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

POLICY_VERSION = (
    "aws iot create-policy-version --region {region} --policy-name {name}"
    " --policy-document file://YOUR_POLICY.json --set-as-default"
)
ROLE_POLICY = (
    "aws iam put-role-policy --role-name {role.id} --policy-name YOUR_POLICY_NAME"
    " --policy-document file://YOUR_POLICY.json"
)
REVOKE = {
    "gcp account": "gcloud projects remove-iam-policy-binding {account} --member={principal} --role={right}",
    "gcp topic": (
        "gcloud pubsub topics remove-iam-policy-binding {name} --project={account} --member={principal} --role={right}"
    ),
    "gcp subscription": (
        "gcloud pubsub subscriptions remove-iam-policy-binding {name} --project={account}"
        " --member={principal} --role={right}"
    ),
    "gcp bucket": ("gcloud storage buckets remove-iam-policy-binding gs://{name} --member={principal} --role={right}"),
    "gcp key": ("gcloud kms keys remove-iam-policy-binding {resource.path} --member={principal} --role={right}"),
}
"""Takes a grant in Google Cloud away, by where it was made."""
TOPIC_RULE = (
    "aws iot replace-topic-rule --region {region} --rule-name {name} --topic-rule-payload file://YOUR_RULE.json"
)
DEPLOYMENT = (
    "aws greengrassv2 create-deployment --region {region} --target-arn YOUR_TARGET_ARN"
    " --components file://YOUR_COMPONENTS.json"
)

PLACE = re.compile(r"\{([a-z_]+)(?:\.([a-z]+))?\}")
"""A place to fill in: a column, and perhaps a part of its id. Shorthand such as `{Enabled=true}` is none."""


def id_part(pattern: str) -> Callable[[str], str]:
    """What a pattern's group finds in an id; empty text where it finds nothing."""
    compiled = re.compile(pattern, re.IGNORECASE)
    return lambda id_: match[1] if (match := compiled.search(id_)) else ""


PARTS: Mapping[str, Callable[[str], str]] = {
    "id": lambda id_: id_.rpartition("/" if "/" in id_ else ":")[2],
    "group": id_part(r"/resourceGroups/([^/]+)/"),
    "path": id_part(r"^//[^/]+/(.+)$"),
    "keyring": id_part(r"^//[^/]+/(.+)/cryptoKeys/"),
    "region": id_part(r"^arn:[^:]*:[^:]*:([^:]+):"),
    "package": id_part(r":package/([^/]+)/version/"),
}
"""Parts of an id: its last segment; an ARM id's resource group; a Google full resource name without its service, and
the key ring of a key in it; an ARN's region, and the package of an AWS IoT package version in it."""

LOADED = ("-", "@", "file:", "fileb:", "http:", "https:")
"""How an argument begins that is read as an option, or whose content is loaded from elsewhere: `@` by az, `file://` and
`http://` by aws (AWS CLI, "Load a parameter from a file"; Azure CLI, "Use quotation marks")."""
ACTED_ON = frozenset("'\"`‘’‚‛“”„&|<>^%!$")
"""Characters that end a quoted argument in PowerShell, or that PowerShell, cmd or csh act on inside one."""


def fits(value: str) -> bool:
    """Whether a value may stand in a command: visible characters only, which no usual shell or command line acts on."""
    return bool(value) and value.isprintable() and not ACTED_ON & set(value) and not value.lower().startswith(LOADED)


@cache
def words(template: str) -> tuple[str, ...]:
    """The template's arguments, unquoted."""
    return tuple(shlex.split(template))


def places(template: str) -> list[tuple[str, str]]:
    """The columns it is filled in from, each with the part meant; empty text is the whole."""
    return PLACE.findall(template)


def command_for_row(template: str, row: Mapping[str, Any]) -> str:
    """The command for one row; empty text where a value is not read, empty, or does not fit."""
    values: dict[tuple[str, str], str] = {}
    for column, part in places(template):
        cell = row.get(column)
        value = "" if cell is None else str(cell)
        values[column, part] = PARTS[part](value) if part else value
    if not all(map(fits, values.values())):
        return ""
    return shlex.join(PLACE.sub(lambda place: values[place[1], place[2] or ""], word) for word in words(template))
