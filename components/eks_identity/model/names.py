"""The names that AWS and Kubernetes accept: each function returns the name, or refuses it with the rule and the fix."""

from __future__ import annotations

import re

from eks_identity.errors import InvalidInput, Problem
from eks_identity.model import limits

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_IAM_NAME = re.compile(r"[\w+=,.@-]+", re.ASCII)
_IAM_PATH = re.compile(r"/|/[\x21-\x7e]+/")
_CLUSTER_NAME = re.compile(r"[0-9A-Za-z][A-Za-z0-9_-]{0,99}")
_ACCOUNT = re.compile(r"[0-9]{12}")


def text(value: object) -> str:
    """A string. YAML, hosted programs and outputs of other stacks hand on numbers, booleans and null as well."""
    if not isinstance(value, str):
        raise _refused("a string", value, "put it in quotes" if value is not None else "give it a value")
    return value


def namespace(name: str) -> str:
    """A Kubernetes namespace: an RFC 1123 label."""
    if not _LABEL.fullmatch(text(name)) or len(name) > limits.DNS_LABEL:
        raise _refused(
            "lower case letters, digits and dashes, begins and ends with a letter or digit, at most "
            f"{limits.DNS_LABEL} characters (Kubernetes, RFC 1123 label)",
            name,
            "write the namespace as `kubectl get namespaces` shows it",
        )
    return name


def service_account(name: str) -> str:
    """A Kubernetes service account: an RFC 1123 subdomain."""
    if not _SUBDOMAIN.fullmatch(text(name)) or len(name) > limits.DNS_SUBDOMAIN:
        raise _refused(
            "lower case letters, digits, dashes and dots, begins and ends with a letter or digit, at most "
            f"{limits.DNS_SUBDOMAIN} characters (Kubernetes, RFC 1123 subdomain)",
            name,
            "write the service account as `kubectl get serviceaccounts` shows it",
        )
    return name


def rbac_name(name: str) -> str:
    """The name of a role or binding: anything that can be one segment of a URL's path (Kubernetes)."""
    if not text(name) or name in {".", ".."} or "/" in name or "%" in name:
        raise _refused("not empty, not '.' or '..', no '/' and no '%' (Kubernetes RBAC)", name, "take those out")
    return name


def role_name(name: str) -> str:
    """An IAM role's name."""
    if len(text(name)) > limits.ROLE_NAME:
        raise _refused(f"at most {limits.ROLE_NAME} characters (IAM), this has {len(name)}", name, "shorten it")
    if not _IAM_NAME.fullmatch(name):
        raise _refused("letters, digits and _+=,.@- (IAM)", name, "take the other characters out")
    return name


def auto_named_role(name: str) -> str:
    """A Pulumi resource's name that IAM can still take as a role's name once Pulumi has put its suffix behind it."""
    room = limits.ROLE_NAME - limits.AUTO_NAME_SUFFIX
    if len(text(name)) > room:
        raise _refused(
            f"at most {room} characters, so that Pulumi's suffix of {limits.AUTO_NAME_SUFFIX} fits into the "
            f"{limits.ROLE_NAME} that IAM allows, this has {len(name)}",
            name,
            "set role_name, or give the component a shorter name",
        )
    if not _IAM_NAME.fullmatch(name):
        raise _refused("letters, digits and _+=,.@- (IAM)", name, "set role_name")
    return name


def iam_path(path: str) -> str:
    """The path of an IAM object, `/` where it has none."""
    if not _IAM_PATH.fullmatch(text(path)) or len(path) > limits.ROLE_PATH:
        raise _refused(
            f"begins and ends with '/', no spaces, at most {limits.ROLE_PATH} characters (IAM)", path, "write /team/"
        )
    return path


def cluster_name(name: str) -> str:
    """An EKS cluster's name."""
    if not _CLUSTER_NAME.fullmatch(text(name)):
        raise _refused(
            "letters, digits, dashes and underscores, begins with a letter or digit, at most 100 characters (EKS)",
            name,
            "write the cluster as `aws eks list-clusters` shows it",
        )
    return name


def audience(audience: str) -> str:
    """The `aud` of tokens; IAM compares it to the letter."""
    if not text(audience) or audience != audience.strip() or not audience.isprintable():
        raise _refused("not empty, and no spaces around it", audience, "write sts.amazonaws.com")
    return audience


def account_id(account: str) -> str:
    """An AWS account: twelve digits, as a string, since some begin with a zero."""
    if not _ACCOUNT.fullmatch(text(account)):
        raise _refused("twelve digits, in quotes", account, "write the account id as a string of twelve digits")
    return account


def flag(value: object) -> bool:
    """True or False; the string "false" is true to Python, and so is refused."""
    if not isinstance(value, bool):
        raise _refused("true or false, without quotes", value, "write True or False")
    return value


def session_seconds(seconds: float) -> int:
    """How long a role's sessions may last; whole seconds, though hosted programs send them as floats."""
    least, most = limits.SESSION_SECONDS
    return whole_number(seconds, least, most, "seconds of MaxSessionDuration (IAM)")


def token_expiration(seconds: float) -> int:
    """How long a projected token lasts, in whole seconds."""
    least, most = limits.TOKEN_EXPIRATION_SECONDS
    return whole_number(seconds, least, most, "seconds (pod identity webhook)")


def whole_number(number: float, least: int, most: int, of_what: str) -> int:
    """`number` as an int between `least` and `most`; refuses what is no number, fractions, and what lies outside."""
    is_number = isinstance(number, (int, float)) and not isinstance(number, bool)
    if not is_number or not least <= number <= most or number != int(number):
        raise _refused(f"a whole number from {least} to {most} {of_what}", number, f"choose one from {least} to {most}")
    return int(number)


def _refused(rule: str, value: object, fix: str) -> InvalidInput:
    return InvalidInput([Problem("", rule, value, fix)])
