"""Links of the caller's AWS credentials: their origin, the clock, and the identity that STS returns for them."""

from __future__ import annotations

from datetime import timedelta

from eks_access.catalogue import caller as kinds
from eks_access.findings import Finding, FindingKind, Fix, Link
from eks_access.graph.caller import Caller, Credentials
from eks_access.questions.commands import advice, command

CREDENTIALS, CLOCK, IDENTITY = "AWS credentials", "clock", "caller identity"
MAX_SKEW = timedelta(minutes=5)
"""AWS accepts signatures of this age. Source: IAM user guide, Signature Version 4, elements of a request."""
MAX_SKEW_OF_S3_AND_TOKENS = timedelta(minutes=15)
"""S3 accepts signatures of this age, and EKS tokens."""
_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
_SIGN_IN_AGAIN = "get new credentials of the session, and unset AWS_SESSION_TOKEN if the shell has an old one"


def credentials_link(credentials: Credentials) -> Link:
    """Return whether there are credentials to sign with."""
    if credentials.access_key_id:
        return Link.holds(CREDENTIALS, str(credentials))
    subject = f"profile {credentials.profile}" if credentials.profile else "this shell"
    is_missing = credentials.error == "NoCredentialsError"
    kind = kinds.CREDENTIALS_MISSING if is_missing else kinds.CREDENTIALS_UNUSABLE
    fix = advice("run `aws configure` or `aws sso login`, or set AWS_PROFILE to a profile with credentials")
    if "SSO" in credentials.error or "sso" in credentials.message.lower():
        fix = _sso_login(credentials)
    finding = Finding(kind, subject, credentials.message, "credentials of a principal that the cluster maps", fix)
    return Link.broken(CREDENTIALS, finding)


def clock_link(credentials: Credentials) -> Link:
    """Return whether the clock of this machine is near enough to that of AWS."""
    skew = credentials.clock_skew
    if skew is None:
        return Link.not_evaluated(CLOCK, f"STS was not reached: {credentials.message}")
    says = f"{_words(skew)} that of STS"
    if abs(skew) <= MAX_SKEW:
        return Link.holds(CLOCK, says)
    rejected = "most AWS services reject" if abs(skew) <= MAX_SKEW_OF_S3_AND_TOKENS else "AWS and EKS reject"
    fix = advice("synchronize the clock: `sudo timedatectl set-ntp true`, or restart the virtual machine or WSL")
    should = f"at most {MAX_SKEW // timedelta(minutes=1)} minutes from that of AWS"
    finding = Finding(kinds.CLOCK_SKEW, "clock of this machine", f"{says}; {rejected} its signatures", should, fix)
    return Link.broken(CLOCK, finding)


def identity_link(caller: Caller) -> Link:
    """Return whether STS accepts the credentials, and as whom."""
    credentials = caller.kubectl
    if credentials.arn:
        return Link.holds(IDENTITY, credentials.arn)
    if credentials.clock_skew is None:
        return Link.not_evaluated(IDENTITY, f"STS was not reached: {credentials.message}")
    if credentials.is_undecided:
        return Link.not_evaluated(IDENTITY, f"STS did not decide, run this again: {credentials.message}")
    role = caller.context.role_arn if caller.context is not None else ""
    kind, should, fix = _rejection(credentials, role)
    subject = f"access key {credentials.access_key_id}"
    return Link.broken(IDENTITY, Finding(kind, subject, credentials.message, should, fix))


def _rejection(credentials: Credentials, role: str) -> tuple[FindingKind, str, Fix]:
    """Return the kind of a rejection, what should be, and the fix."""
    key = credentials.access_key_id
    if credentials.error in _EXPIRED:
        fix = _sso_login(credentials) if credentials.origin == "sso" else advice(_SIGN_IN_AGAIN)
        return kinds.SESSION_EXPIRED, "a session that is valid", fix
    if credentials.error == "InvalidClientTokenId" and key.startswith("ASIA"):
        return kinds.ACCESS_KEY_UNKNOWN, "a session that exists, with its session token", advice(_SIGN_IN_AGAIN)
    if credentials.error == "InvalidClientTokenId":
        text = (
            f"let an administrator run `aws iam update-access-key --access-key-id {key} --status Active` with the "
            "key's --user-name; if IAM has no such key, run `aws configure` with a new one"
        )
        return kinds.ACCESS_KEY_UNKNOWN, "an active access key", advice(text)
    if credentials.error == "SignatureDoesNotMatch":
        text = f"run `aws configure` with the secret of {key}, or with a new access key if it is lost"
        return kinds.ACCESS_KEY_SECRET, "the secret that IAM showed when it created the key", advice(text)
    if role and credentials.error == "AccessDenied":
        text = f"let the trust policy of {role} name the caller, and allow the caller sts:AssumeRole on it"
        return kinds.TOKEN_ROLE, f"may assume {role}", advice(text)
    return kinds.CREDENTIALS_REJECTED, "credentials that STS accepts", advice("run `aws sts get-caller-identity`")


def _sso_login(credentials: Credentials) -> Fix:
    return command("aws", "sso", "login", *(("--profile", credentials.profile) if credentials.profile else ()))


def _words(skew: timedelta) -> str:
    seconds = round(abs(skew).total_seconds())
    amount = f"{seconds} s" if seconds < 60 else f"{seconds // 60} min {seconds % 60} s"
    return f"{amount} {'ahead of' if skew > timedelta() else 'behind'}"
