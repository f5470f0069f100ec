"""The endpoints that devices connect to, and whether connections are logged and audited."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from collectors.aws.account import PAGES, RESULTS, registry
from collectors.aws.mitigation import DESCRIBE_ACTION, LIST_ACTIONS, containable
from collectors.operation import Operation, Reader, collector
from collectors.schema import Row, Unread, is_gone
from collectors.tables.hub import Detection, Hub, Log

LIST_DOMAINS = Operation(
    "iot.list_domain_configurations", "iot:ListDomainConfigurations", items="domainConfigurations", fixed=PAGES
)
DESCRIBE_DOMAIN = Operation("iot.describe_domain_configuration", "iot:DescribeDomainConfiguration")
LIST_AUTHORIZERS = Operation(
    "iot.list_authorizers",
    "iot:ListAuthorizers",
    items="authorizers",
    shared=True,
    fixed=(("status", "ACTIVE"), *PAGES),
)
CERTIFICATE = Operation(
    "acm.describe_certificate", "acm:DescribeCertificate", absent=("ResourceNotFoundException",), shared=True
)
LOGGING = Operation("iot.get_v2_logging_options", "iot:GetV2LoggingOptions", absent=("NotConfiguredException",))
LOGGING_LEVELS = Operation(
    "iot.list_v2_logging_levels", "iot:ListV2LoggingLevels", items="logTargetConfigurations",
    absent=("NotConfiguredException",), fixed=RESULTS,
)  # fmt: skip
LOGGING_V1 = Operation("iot.get_logging_options", "iot:GetLoggingOptions")
AUDIT = Operation("iot.describe_account_audit_configuration", "iot:DescribeAccountAuditConfiguration", shared=True)
LIST_AUDITS = Operation("iot.list_scheduled_audits", "iot:ListScheduledAudits", items="scheduledAudits", fixed=RESULTS)
DESCRIBE_AUDIT = Operation("iot.describe_scheduled_audit", "iot:DescribeScheduledAudit")

TLS_POLICIES: Mapping[str, str] = {
    "IoTSecurityPolicy_TLS12_1_0_2015_01": "1.2",
    "IoTSecurityPolicy_TLS12_1_0_2016_01": "1.2",
    "IoTSecurityPolicy_TLS12_1_2_2022_10": "1.2",
    "IoTSecurityPolicy_TLS13_1_2_2022_10": "1.2",
    "IoTSecurityPolicy_TLS13_1_3_2022_10": "1.3",
}
"""Lowest TLS version of each security policy (AWS IoT Core, "Transport security in AWS IoT Core")."""
WITHOUT_RSA_EXCHANGE = "IoTSecurityPolicy_TLS13_1_3_2022_10"
"""The only policy without RSA key exchange (same page)."""

CRITICAL_CHECKS = frozenset({
    "AUTHENTICATED_COGNITO_ROLE_OVERLY_PERMISSIVE_CHECK", "CA_CERTIFICATE_KEY_QUALITY_CHECK",
    "DEVICE_CERTIFICATE_KEY_QUALITY_CHECK", "DEVICE_CERTIFICATE_SHARED_CHECK",
    "INTERMEDIATE_CA_REVOKED_FOR_ACTIVE_DEVICE_CERTIFICATES_CHECK", "IOT_POLICY_OVERLY_PERMISSIVE_CHECK",
    "IOT_ROLE_ALIAS_OVERLY_PERMISSIVE_CHECK", "REVOKED_CA_CERTIFICATE_STILL_ACTIVE_CHECK",
    "UNAUTHENTICATED_COGNITO_ROLE_OVERLY_PERMISSIVE_CHECK",
})  # fmt: skip
"""Checks that Device Defender itself rates critical (AWS IoT Device Defender, "Audit checks")."""
OFTEN_ENOUGH = ("DAILY", "WEEKLY")


@collector(Hub, "aws", LIST_DOMAINS, DESCRIBE_DOMAIN, LIST_AUTHORIZERS, CERTIFICATE, kind="domain configuration")
def domains(read: Reader) -> Iterator[Row]:
    """Every domain configuration of one region, those that AWS manages too."""
    for listed in read(LIST_DOMAINS):
        name = listed["domainConfigurationName"]
        domain = read(DESCRIBE_DOMAIN, domainConfigurationName=name).cell(dict)
        row: dict[str, Any] = {
            "resource": listed["domainConfigurationArn"],
            "name": name,
        }
        if isinstance(domain, Unread):
            unread = (
                "enabled", "customer_managed", "tls_policy", "min_tls", "forward_secrecy_only",
                "server_certificate_valid", "server_certificate_days", "authorizer_override",
                "authorizer_after_certificate",
            )  # fmt: skip
            yield row | dict.fromkeys(unread, domain)
            continue
        policy = (domain.get("tlsConfig") or {}).get("securityPolicy")
        own = domain.get("domainType") == "CUSTOMER_MANAGED"
        none = Unread("absent_field", detail="the region has no TLS security policies")
        unknown = Unread("not_parseable", detail=f"TLS security policy {policy}")
        yield row | {
            "enabled": domain.get("domainConfigurationStatus") == "ENABLED",
            "customer_managed": own,
            "tls_policy": policy or none,
            "min_tls": TLS_POLICIES.get(policy, unknown) if policy else none,
            "forward_secrecy_only": policy == WITHOUT_RSA_EXCHANGE
            if policy in TLS_POLICIES
            else unknown
            if policy
            else none,
            "server_certificate_valid": certificates_valid(domain) if own else None,
            "server_certificate_days": certificate_days(read, domain) if own else None,
            "authorizer_override": authorizer_override(read, domain),
            "authorizer_after_certificate": (
                domain["authenticationType"] == "CUSTOM_AUTH_X509"
                if "authenticationType" in domain
                else Unread("absent_field", detail="authenticationType")
            ),
        }


def certificates_valid(domain: Mapping[str, Any]) -> bool:
    """Whether AWS found every server certificate of a customer's domain valid."""
    return all(c.get("serverCertificateStatus") == "VALID" for c in domain.get("serverCertificates") or ())


def certificate_days(read: Reader, domain: Mapping[str, Any]) -> int | Unread:
    """Days until the first server certificate of a customer's domain ends, as ACM tells."""
    missing = Unread("absent_field", detail="the certificate is not in ACM, or has no end")
    days: list[int] = []
    for held in domain.get("serverCertificates") or ():
        arn = held.get("serverCertificateArn", "")
        region = arn.split(":")[3] if arn.startswith("arn:") else ""
        ends = read(CERTIFICATE, region=region, CertificateArn=arn).cell(
            lambda reply: read.days_until(reply["Certificate"]["NotAfter"]), absent=missing
        )
        if isinstance(ends, Unread):
            return ends
        days.append(ends)
    return min(days) if days else missing


def authorizer_override(read: Reader, domain: Mapping[str, Any]) -> bool | Unread:
    """Whether a client may choose, and has at least two active authorizers to choose from."""
    if not (domain.get("authorizerConfig") or {}).get("allowAuthorizerOverride", False):
        return False
    found: bool | Unread = read(LIST_AUTHORIZERS).cell(lambda authorizers: len(authorizers) > 1)
    return found


@collector(Log, "aws", LOGGING, LOGGING_LEVELS, LOGGING_V1, kind="account")
def logging(read: Reader) -> Iterator[Row]:
    """Whether AWS IoT logs in one region. Logging that was never set up is off; only then v1 is asked."""
    on = read(LOGGING).cell(
        lambda v2: not v2.get("disableAllLogs", False) and v2.get("defaultLogLevel", "DISABLED") != "DISABLED",
        absent=False,
    )
    if on is not True:
        old = read(LOGGING_V1).cell(lambda v1: v1.get("logLevel", "DISABLED") != "DISABLED")
        if old is not False:
            on = old
    yield {
        "resource": f"{registry(read.scope)}:logging",
        "name": f"AWS IoT logging in {read.scope.region}",
        "hub": registry(read.scope),
        "logs_connections": on,
        "silenced": read(LOGGING_LEVELS).cell(silenced, absent=0),
    }


def silenced(levels: list[Mapping[str, Any]]) -> int:
    """Targets, such as thing groups, that are exempt from a log that is on."""
    return sum(
        level.get("logLevel") == "DISABLED" and (level.get("logTarget") or {}).get("targetType") != "DEFAULT"
        for level in levels
    )


@collector(Detection, "aws", AUDIT, LIST_AUDITS, DESCRIBE_AUDIT, LIST_ACTIONS, DESCRIBE_ACTION)
def audits(read: Reader) -> Iterator[Row]:
    """Whether Device Defender audits one region: its critical checks enabled and scheduled at least weekly.

    What can be done about its findings is asked where it looks for any.
    """
    settings = read(AUDIT).cell(dict)
    row: dict[str, Any] = {
        "resource": f"{registry(read.scope)}:audit",
        "name": f"Device Defender audit in {read.scope.region}",
    }
    if isinstance(settings, Unread):
        notifies: bool | Unread = settings
        enabled: bool | Unread = settings
        on: bool | Unread = settings
    else:
        targets = settings.get("auditNotificationTargetConfigurations") or {}
        notifies = bool((targets.get("SNS") or {}).get("enabled", False))
        checks = settings.get("auditCheckConfigurations") or {}
        enabled = all((checks.get(name) or {}).get("enabled", False) for name in CRITICAL_CHECKS)
        on = any(check.get("enabled", False) for check in checks.values())
    covered = runs_weekly(read)
    yield row | {
        "audit_scheduled": False if enabled is False or covered is False else unread_of(enabled, covered) or True,
        "audit_notifies": notifies,
        "audit_on": on,
        "findings_containable": None if on is False else containable(read),
    }


def unread_of(*cells: bool | Unread) -> Unread | None:
    """The first of several cells that could not be read."""
    return next((cell for cell in cells if isinstance(cell, Unread)), None)


def runs_weekly(read: Reader) -> bool | Unread:
    """Whether the schedules together run every critical check at least once a week."""
    names = read(LIST_AUDITS).cell(
        lambda audits: [a["scheduledAuditName"] for a in audits if a.get("frequency") in OFTEN_ENOUGH]
    )
    if isinstance(names, Unread):
        return names
    seen, unread = set[str](), None
    for name in names:
        checks = read(DESCRIBE_AUDIT, scheduledAuditName=name).cell(lambda audit: audit.get("targetCheckNames") or [])
        if is_gone(checks):
            continue
        if isinstance(checks, Unread):
            unread = checks
        else:
            seen.update(checks)
    return seen >= CRITICAL_CHECKS or unread or False
