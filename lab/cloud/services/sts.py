"""Enforced operations of AWS STS. Those that open a session of a role evaluate its trust policy themselves."""

from __future__ import annotations

from lab.cloud.services.rules import Service, names

_TRUST_POLICY = "`lab.cloud.trust` evaluates the role's trust policy together with the caller's policies"
_NO_PERMISSION = "no permission is required, and none can be denied"

STS = Service(
    name="sts",
    prefix="sts",
    signing_name="sts",
    backend="sts",
    source="https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecuritytokenservice.html",
    operations=names("AssumeRole AssumeRoleWithWebIdentity GetAccessKeyInfo GetCallerIdentity GetSessionToken"),
    not_authorized={
        "AssumeRole": _TRUST_POLICY,
        "AssumeRoleWithWebIdentity": _TRUST_POLICY,
        "GetCallerIdentity": _NO_PERMISSION,
        "GetSessionToken": _NO_PERMISSION,
    },
)
