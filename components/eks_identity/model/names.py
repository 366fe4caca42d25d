"""The names that AWS and Kubernetes accept: each function returns the name, or refuses it with the rule and the fix."""

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


def role_name_prefix(prefix: str) -> str:
    """What the name of an IAM role begins with."""
    if len(text(prefix)) > limits.ROLE_NAME_PREFIX:
        rule = f"at most {limits.ROLE_NAME_PREFIX} characters (IAM's {limits.ROLE_NAME} less a suffix of 26)"
        raise _refused(f"{rule}, this has {len(prefix)}", prefix, "shorten it")
    if not _IAM_NAME.fullmatch(prefix):
        raise _refused("letters, digits and _+=,.@- (IAM)", prefix, "take the other characters out")
    return prefix


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


def role_description(description: str) -> str:
    """An IAM role's description."""
    if len(text(description)) > limits.ROLE_DESCRIPTION or not _IAM_DESCRIPTION.fullmatch(description):
        rule = f"at most {limits.ROLE_DESCRIPTION} characters of Latin-1 (IAM)"
        raise _refused(rule, description, "shorten it, and take the other characters out")
    return description


def external_id(value: str) -> str:
    """What an account hands out so that a role is taken on for it alone: `sts:ExternalId`."""
    least, most = limits.EXTERNAL_ID
    if not least <= len(text(value)) <= most or not _EXTERNAL_ID.fullmatch(value):
        rule = f"{least} to {most:,} letters, digits and _+=,.@:/\\- (STS)"
        raise _refused(rule, value, "write one of that form")
    return value


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


def node_group_name(name: str) -> str:
    """A managed node group's name."""
    if not _NODE_GROUP_NAME.fullmatch(text(name)):
        rule = "letters, digits, dashes and underscores, begins with a letter or digit, at most 63 characters (EKS)"
        raise _refused(rule, name, "take the other characters out")
    return name


def addon(name: str) -> str:
    """An EKS add-on's name, such as `vpc-cni`; those of vendors have the vendor's name in front."""
    if not _ADDON.fullmatch(text(name)):
        rule = "letters, digits, dashes, dots and underscores (EKS)"
        raise _refused(rule, name, "write the add-on as `aws eks describe-addon-versions` shows it")
    return name


def addon_version(version: str) -> str:
    """The version of an add-on, to the letter."""
    if not _VERSION.fullmatch(text(version)):
        rule = "a version without spaces, such as v1.53.0-eksbuild.1 (EKS)"
        raise _refused(rule, version, "write one that `aws eks describe-addon-versions` shows, or leave it out")
    return version


def region(name: str) -> str:
    """A region of AWS, such as `ap-northeast-1`."""
    if not _REGION.fullmatch(text(name)):
        raise _refused(
            "a region of AWS, such as ap-northeast-1", name, "write one that `aws ec2 describe-regions` shows"
        )
    return name


def profile(name: str) -> str:
    """The name of an AWS profile, which is a section of a file."""
    if not _PROFILE.fullmatch(text(name)):
        rule = "not empty, no brackets, and no spaces around it (AWS configuration files)"
        raise _refused(rule, name, "write a profile of ~/.aws/config, or leave it out")
    return name


def launch_template_prefix(prefix: str) -> str:
    """What the name of a launch template begins with."""
    least, most = limits.LAUNCH_TEMPLATE_NAME_PREFIX
    if not least <= len(text(prefix)) <= most or not _TEMPLATE_PREFIX.fullmatch(prefix):
        rule = f"{least} to {most} letters, digits and ().-/_ (EC2's 128 less a suffix)"
        raise _refused(rule, prefix, "write one of that form, or leave it out")
    return prefix


def disk_device(name: str) -> str:
    """The device that a disk is attached as."""
    if not _DEVICE.fullmatch(text(name)):
        rule = "a block device, such as /dev/xvda or /dev/sda1 (EC2)"
        raise _refused(rule, name, "write the DeviceName that `aws ec2 describe-images --image-ids AMI` shows")
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
