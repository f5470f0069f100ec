"""Role aliases: the IAM role that a device gets through each, who may assume it, and what of it was ever used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from collectors.aws.certificate_issuers import LIST_CERTIFICATES
from collectors.aws.iam import DETAILS, behind
from collectors.aws.policies import DESCRIBE_ROLE_ALIAS, LIST_ROLE_ALIASES, things_of
from collectors.aws.principals import GRAPH, Graph, alias_arn, graph
from collectors.operation import Operation, Reader, collector
from collectors.schema import Row, Unread, is_gone
from collectors.tables.access import RoleAlias

START_REPORT = Operation(
    "iam.generate_service_last_accessed_details", "iam:GenerateServiceLastAccessedDetails",
    absent=("NoSuchEntity",), shared=True, fixed=(("Granularity", "SERVICE_LEVEL"),),
)  # fmt: skip
REPORT = Operation(
    "iam.get_service_last_accessed_details", "iam:GetServiceLastAccessedDetails", shared=True,
    fixed=(("MaxItems", 1000),), ready=lambda reply: reply.get("JobStatus") != "IN_PROGRESS",
)  # fmt: skip
SETTLED_DAYS = 90
"""IAM sees the use of a role from its creation on; what a younger one has not used yet, it may still use."""
SHOWN = 10
USE = ("services", "unused_services", "unused_days", "least_used")


@collector(
    RoleAlias, "aws",
    LIST_ROLE_ALIASES, DESCRIBE_ROLE_ALIAS, DETAILS, START_REPORT, REPORT, LIST_CERTIFICATES, *GRAPH,
)  # fmt: skip
def role_aliases(read: Reader) -> Iterator[Row]:
    """Every role alias of one region. All reports on the use of their roles are started before the first is awaited."""
    found = [(alias, read(DESCRIBE_ROLE_ALIAS, roleAlias=alias)) for alias in read(LIST_ROLE_ALIASES)]
    described = [
        (alias, reply, reply.cell(lambda found: found["roleAliasDescription"]["roleArn"])) for alias, reply in found
    ]
    ages = {role: age(read, role) for _, _, role in described if not isinstance(role, Unread)}
    jobs = {
        role: report_job_id(read, role) for role, days in ages.items() if isinstance(days, int) and days >= SETTLED_DAYS
    }
    known = graph(read) if described else Graph()
    reached = reach(read, known) if described else Counter()
    for alias, reply, role in described:
        held = role if isinstance(role, Unread) else behind(read, role)
        days = role if isinstance(role, Unread) else ages[role]
        yield {
            "resource": alias_arn(read, alias),
            "name": alias,
            "role": role,
            "session_seconds": reply.cell(lambda found: found["roleAliasDescription"]["credentialDurationSeconds"]),
            "documents": held if isinstance(held, Unread) else held[0],
            "bounded": held if isinstance(held, Unread) else held[1],
            "granted_by": granting_policies(known, alias),
            "certificates": reached if isinstance(reached, Unread) else reached[alias],
            "role_age_days": days,
            **use(read, days, None if isinstance(role, Unread) else jobs.get(role)),
        }


def age(read: Reader, role: str) -> int | Unread | None:
    """Days since a role was created; None when it is gone."""
    details = read(DETAILS, region="global").cell(dict)
    if isinstance(details, Unread):
        return details
    for known in details.get("RoleDetailList") or ():
        if known["Arn"] == role:
            return read.days_since(known["CreateDate"])
    if role.split(":")[4] == read.scope.account:
        return None
    return Unread("out_of_scope_account", detail="the role is in another account")


def report_job_id(read: Reader, role: str) -> str | Unread | None:
    """Id of the report on a role that IAM was asked to make; None when the role is gone."""
    job: str | Unread | None = read(START_REPORT, region="global", Arn=role).cell(lambda reply: reply["JobId"])
    return job


def use(read: Reader, days: int | Unread | None, job: str | Unread | None) -> Row:
    """Which services of a role were used, and when. A role that is gone grants none."""
    if isinstance(days, int) and days < SETTLED_DAYS:
        young = Unread(
            "no_data_source", detail=f"the role is {days} days old; its use says something after {SETTLED_DAYS}"
        )
        return dict.fromkeys(USE, young)
    for unread in (days, job):
        if isinstance(unread, Unread):
            return dict.fromkeys(USE, unread)
    granted = [] if job is None else report(read, str(job))
    if isinstance(granted, Unread):
        return dict.fromkeys(USE, granted)
    idle = {
        service["ServiceNamespace"]: read.days_since(last) if (last := service.get("LastAuthenticated")) else None
        for service in granted
    }
    worst = sorted(idle.items(), key=lambda pair: (pair[1] is not None, -(pair[1] or 0), pair[0]))
    return {
        "services": len(idle),
        "unused_services": sum(since is None for since in idle.values()),
        "unused_days": max((since for since in idle.values() if since is not None), default=0),
        "least_used": ", ".join(f"{name} {'never' if since is None else since}" for name, since in worst[:SHOWN]),
    }


def report(read: Reader, job: str) -> list[Mapping[str, Any]] | Unread:
    """The services of a finished report; unread when it failed or was not finished in time."""
    found: list[Mapping[str, Any]] = []
    after: dict[str, str] = {}
    while True:
        page = read(REPORT, region="global", JobId=job, **after).cell(dict)
        if isinstance(page, Unread):
            return page
        if page["JobStatus"] != "COMPLETED":
            return Unread("failed", detail=f"{REPORT}: the report {page['JobStatus'].lower()}")
        found += page.get("ServicesLastAccessed") or ()
        if not page.get("IsTruncated"):
            return found
        after = {"Marker": page["Marker"]}


def granting_policies(known: Graph, alias: str) -> str | Unread:
    """Names of the policies that let a device assume a role alias."""
    if isinstance(known.aliases, Unread):
        return known.aliases
    found = []
    for name, said in known.aliases.items():
        if isinstance(said, Unread):
            return said
        if alias in said.allowed:
            found.append(name)
    return ", ".join(sorted(found))


def reach(read: Reader, known: Graph) -> Counter[str] | Unread:
    """How many active certificates may assume each role alias."""
    certificates = read(LIST_CERTIFICATES).cell(list)
    if isinstance(certificates, Unread):
        return certificates
    found: Counter[str] = Counter()
    for certificate in certificates:
        if certificate["status"] == "ACTIVE":
            arn = certificate["certificateArn"]
            things = things_of(read, arn)
            if is_gone(things):
                continue
            aliases = known.assumable_aliases(known.sets(arn, things))
            if isinstance(aliases, Unread):
                return aliases
            found.update(aliases)
    return found
