"""Logins of apps: the roles that identity pools hand out, and the user pools behind them."""

from __future__ import annotations

from collectors.schema import Table, count, flag, text


class PoolRole(Table):
    """One row per IAM role that an Amazon Cognito identity pool hands out; the subject says to whom."""

    identities = text("Who gets it.", "guests", "signed-in users")
    handed_out = flag("Such identities get credentials at all.")
    role = text("ARN of the IAM role.")
    documents = text("Every policy of the role, a JSON list of documents.", shown=False)


class UserPool(Table):
    """One row per Amazon Cognito user pool and the identity pool (subject) that trusts it."""

    iot = flag("Its users get credentials that reach AWS IoT.")
    passwords = flag("Its users may sign in with a password.")
    password_length = count("Shortest password it takes.")
    mfa = text("Whether a second factor is asked for.", "OFF", "ON", "OPTIONAL")
    threat_protection = text("What it does about suspicious sign-ins.", "OFF", "AUDIT", "ENFORCED")
