"""Validation of names of AWS and Kubernetes: each function returns the name, or raises `InvalidInput` with the fix."""

from __future__ import annotations

import re

from eks_identity.errors import InvalidInput, Problem
from eks_identity.model import limits

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_IAM_NAME = re.compile(r"[\w+=,.@-]+", re.ASCII)
_IAM_DESCRIPTION = re.compile(r"[\t\n\r\x20-\x7e\xa1-\xff]*")
_EXTERNAL_ID = re.compile(r"[\w+=,.@:/\\-]*", re.ASCII)
_IAM_PATH = re.compile(r"/|/[\x21-\x7e]+/")
_CLUSTER_NAME = re.compile(r"[0-9A-Za-z][A-Za-z0-9_-]{0,99}")
_NODE_GROUP_NAME = re.compile(r"[0-9A-Za-z][A-Za-z0-9_-]{0,62}")
_ACCOUNT = re.compile(r"[0-9]{12}")
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]+")
_PROFILE = re.compile(r"[^\s\[\]]([^\n\[\]]*[^\s\[\]])?")
_ADDON = re.compile(r"[A-Za-z0-9][\w.-]*", re.ASCII)
_VERSION = re.compile(r"[\x21-\x7e]*[0-9][\x21-\x7e]*")
_TEMPLATE_PREFIX = re.compile(r"[\w().\-/]+", re.ASCII)
_DEVICE = re.compile(r"(/dev/)?(sd|hd|xvd)[a-z]{1,2}[0-9]{0,2}")

_IAM_NAME_RULE = "must have only letters, digits and _+=,.@- (IAM)"


def invalid(rule: str, value: object, fix: str) -> InvalidInput:
    """Return the error of one value that breaks `rule`. The caller adds the path of the input."""
    return InvalidInput([Problem("", rule, value, fix)])


def text(value: object) -> str:
    """Return a string. YAML, hosted programs and stack outputs also pass numbers, booleans and null."""
    if not isinstance(value, str):
        is_scalar = isinstance(value, (bool, int, float))
        fix = "put it in quotes, or convert an Output with .apply(str)" if is_scalar else "set it to a string"
        raise invalid("must be a string", value, fix)
    return value


def namespace(name: str) -> str:
    """Return a Kubernetes namespace, an RFC 1123 label."""
    if not _LABEL.fullmatch(text(name)) or len(name) > limits.DNS_LABEL:
        raise invalid(
            "must have only lower case letters, digits and dashes, begin and end with a letter or digit, and have at "
            f"most {limits.DNS_LABEL} characters (Kubernetes, RFC 1123 label)",
            name,
            "write the namespace as `kubectl get namespaces` shows it",
        )
    return name


def service_account(name: str) -> str:
    """Return the name of a Kubernetes service account, an RFC 1123 subdomain."""
    if not _SUBDOMAIN.fullmatch(text(name)) or len(name) > limits.DNS_SUBDOMAIN:
        raise invalid(
            "must have only lower case letters, digits, dashes and dots, begin and end with a letter or digit, and "
            f"have at most {limits.DNS_SUBDOMAIN} characters (Kubernetes, RFC 1123 subdomain)",
            name,
            "write the service account as `kubectl get serviceaccounts` shows it",
        )
    return name


def rbac_name(name: str) -> str:
    """Return the name of an RBAC role or binding: any text that is valid as one segment of a URL path (Kubernetes)."""
    if not text(name) or name in {".", ".."} or "/" in name or "%" in name:
        rule = "must not be empty, '.' or '..', and must not contain '/' or '%' (Kubernetes RBAC)"
        raise invalid(rule, name, "remove those characters")
    return name


def role_name(name: str) -> str:
    """Return the name of an IAM role."""
    if len(text(name)) > limits.ROLE_NAME:
        rule = f"must have at most {limits.ROLE_NAME} characters (IAM), and has {len(name)}"
        raise invalid(rule, name, "shorten it")
    if not _IAM_NAME.fullmatch(name):
        raise invalid(_IAM_NAME_RULE, name, "remove the other characters")
    return name


def role_name_prefix(prefix: str) -> str:
    """Return the prefix of an IAM role's name."""
    if len(text(prefix)) > limits.ROLE_NAME_PREFIX:
        rule = f"must have at most {limits.ROLE_NAME_PREFIX} characters (IAM's {limits.ROLE_NAME} less a suffix of 26)"
        raise invalid(f"{rule}, and has {len(prefix)}", prefix, "shorten it")
    if not _IAM_NAME.fullmatch(prefix):
        raise invalid(_IAM_NAME_RULE, prefix, "remove the other characters")
    return prefix


def auto_named_role(name: str) -> str:
    """Return the name of a Pulumi resource that IAM accepts as a role's name with Pulumi's suffix appended."""
    limit = limits.ROLE_NAME - limits.AUTO_NAME_SUFFIX
    if len(text(name)) > limit:
        raise invalid(
            f"must have at most {limit} characters, so that Pulumi's suffix of {limits.AUTO_NAME_SUFFIX} fits into the "
            f"{limits.ROLE_NAME} that IAM allows, and has {len(name)}",
            name,
            "set role_name, or give the component a shorter name",
        )
    if not _IAM_NAME.fullmatch(name):
        raise invalid(_IAM_NAME_RULE, name, "set role_name")
    return name


def role_description(description: str) -> str:
    """Return the description of an IAM role."""
    if len(text(description)) > limits.ROLE_DESCRIPTION or not _IAM_DESCRIPTION.fullmatch(description):
        rule = f"must have at most {limits.ROLE_DESCRIPTION} characters, all of Latin-1 (IAM)"
        raise invalid(rule, description, "shorten it, and remove the other characters")
    return description


def external_id(value: str) -> str:
    """Return the external ID that callers must send to assume a role, `sts:ExternalId`."""
    least, most = limits.EXTERNAL_ID
    if not least <= len(text(value)) <= most or not _EXTERNAL_ID.fullmatch(value):
        rule = f"must have {least} to {most:,} letters, digits and _+=,.@:/\\- (STS)"
        raise invalid(rule, value, "write an external ID of that form")
    return value


def iam_path(path: str) -> str:
    """Return the path of an IAM object, `/` by default."""
    if not _IAM_PATH.fullmatch(text(path)) or len(path) > limits.ROLE_PATH:
        rule = f"must begin and end with '/', without spaces, and have at most {limits.ROLE_PATH} characters (IAM)"
        raise invalid(rule, path, "write /team/")
    return path


def cluster_name(name: str) -> str:
    """Return the name of an EKS cluster."""
    if not _CLUSTER_NAME.fullmatch(text(name)):
        raise invalid(
            "must have only letters, digits, dashes and underscores, begin with a letter or digit, and have at most "
            "100 characters (EKS)",
            name,
            "write the cluster as `aws eks list-clusters` shows it",
        )
    return name


def node_group_name(name: str) -> str:
    """Return the name of a managed node group."""
    if not _NODE_GROUP_NAME.fullmatch(text(name)):
        rule = (
            "must have only letters, digits, dashes and underscores, begin with a letter or digit, and have at most "
            "63 characters (EKS)"
        )
        raise invalid(rule, name, "shorten it, and remove the other characters")
    return name


def addon(name: str) -> str:
    """Return the name of an EKS add-on, such as `vpc-cni`; names of vendors' add-ons begin with the vendor's name."""
    if not _ADDON.fullmatch(text(name)):
        rule = "must have only letters, digits, dashes, dots and underscores (EKS)"
        raise invalid(rule, name, "write the add-on as `aws eks describe-addon-versions` shows it")
    return name


def addon_version(version: str) -> str:
    """Return the exact version of an add-on."""
    if not _VERSION.fullmatch(text(version)):
        rule = "must be a version without spaces, such as v1.53.0-eksbuild.1 (EKS)"
        raise invalid(rule, version, "write one that `aws eks describe-addon-versions` shows, or remove it")
    return version


def region(name: str) -> str:
    """Return an AWS region, such as `ap-northeast-1`."""
    if not _REGION.fullmatch(text(name)):
        rule = "must be a region of AWS, such as ap-northeast-1"
        raise invalid(rule, name, "write one that `aws ec2 describe-regions` shows")
    return name


def profile(name: str) -> str:
    """Return the name of an AWS profile, a section of AWS's configuration files."""
    if not _PROFILE.fullmatch(text(name)):
        rule = "must not be empty, contain brackets or have spaces around it (AWS configuration files)"
        raise invalid(rule, name, "write a profile of ~/.aws/config, or remove it")
    return name


def launch_template_prefix(prefix: str) -> str:
    """Return the prefix of a launch template's name."""
    least, most = limits.LAUNCH_TEMPLATE_NAME_PREFIX
    if not least <= len(text(prefix)) <= most or not _TEMPLATE_PREFIX.fullmatch(prefix):
        rule = f"must have {least} to {most} letters, digits and ().-/_ (EC2's 128 less a suffix)"
        raise invalid(rule, prefix, "write a prefix of that form, or remove it")
    return prefix


def disk_device(name: str) -> str:
    """Return the device name of an attached disk."""
    if not _DEVICE.fullmatch(text(name)):
        rule = "must be a block device, such as /dev/xvda or /dev/sda1 (EC2)"
        raise invalid(rule, name, "write the DeviceName that `aws ec2 describe-images --image-ids AMI` shows")
    return name


def audience(audience: str) -> str:
    """Return the audience of tokens, their `aud`; IAM compares it exactly."""
    if not text(audience) or audience != audience.strip() or not audience.isprintable():
        raise invalid("must not be empty or have spaces around it", audience, "write sts.amazonaws.com")
    return audience


def account_id(account: str) -> str:
    """Return an AWS account id: a string of twelve digits, since some begin with a zero."""
    if not _ACCOUNT.fullmatch(text(account)):
        rule = "must be a string of twelve digits (AWS account id)"
        raise invalid(rule, account, "write the account id as a string of twelve digits, in quotes")
    return account


def flag(value: object) -> bool:
    """Return a boolean. Strings are rejected: "false" is true to Python."""
    if not isinstance(value, bool):
        raise invalid("must be true or false, without quotes", value, "write True or False")
    return value


def session_seconds(seconds: float) -> int:
    """Return a role's maximum session duration in seconds; hosted programs send whole numbers as floats."""
    least, most = limits.SESSION_SECONDS
    return whole_number(seconds, least, most, "seconds, MaxSessionDuration (IAM)")


def token_expiration(seconds: float) -> int:
    """Return the lifetime of a projected token in seconds."""
    least, most = limits.TOKEN_EXPIRATION_SECONDS
    return whole_number(seconds, least, most, "seconds (pod identity webhook)")


def whole_number(number: float, least: int, most: int, unit: str) -> int:
    """Return `number` as an int between `least` and `most`; `unit` completes the rule of the error."""
    is_number = isinstance(number, (int, float)) and not isinstance(number, bool)
    if not is_number or not least <= number <= most or number != int(number):
        rule = f"must be a whole number from {least} to {most} {unit}"
        raise invalid(rule, number, f"choose a number from {least} to {most}")
    return int(number)
