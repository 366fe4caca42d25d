"""ARNs, and the IAM principals that EKS can authenticate by ARN."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Self

from eks_identity.errors import InvalidInput, problems_of_part
from eks_identity.model import names, partitions
from eks_identity.model.partitions import Partition

_FIELDS = 6


_ASCII = re.compile(r"[\x21-\x7e]*")


@dataclass(frozen=True)
class Arn:
    """The fields of an ARN: `arn:partition:service:region:account:resource`."""

    partition: Partition
    service: str
    region: str
    account: str
    resource: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the fields of an ARN; raise `InvalidInput` for other text and for an unknown partition."""
        fields = names.text(text).split(":", _FIELDS - 1)
        if (
            len(fields) != _FIELDS
            or fields[0].lower() != "arn"
            or not fields[2]
            or not fields[5]
            or text != text.strip()
            or not text.isprintable()
            or not _ASCII.fullmatch("".join(fields[:5]))
        ):
            raise names.invalid(
                "must be an ARN with six fields, arn:partition:service:region:account:resource",
                text,
                "pass the arn output of a resource, or copy the whole ARN as AWS prints it",
            )
        _, partition, service, region, account, resource = fields
        with problems_of_part(text, "partition"):
            known_partition = partitions.partition(partition.lower())
        return cls(known_partition, service.lower(), region, account, resource)

    def __str__(self) -> str:
        return self.partition.arn(self.service, self.resource, region=self.region, account=self.account)


@lru_cache(maxsize=1 << 16)
def account_of(arn: str) -> str:
    """Return the account of an ARN, empty if it has none; raise `InvalidInput` for other text."""
    return Arn.parse(arn).account


def find_account(text: str) -> str | None:
    """Return the account id in an ARN; None for other text, and for an ARN without one, such as that of a bucket."""
    try:
        account = account_of(text)
    except InvalidInput:
        return None
    return account if account.isdecimal() else None


class PrincipalKind(StrEnum):
    """Kind of an IAM principal."""

    USER = "user"
    ROLE = "role"
    ASSUMED_ROLE = "assumed-role"
    FEDERATED_USER = "federated-user"
    ROOT = "root"


@dataclass(frozen=True)
class Principal:
    """An IAM user, role or account root that can be granted access to a cluster.

    `path` is `/` or `/team/…/`. Sessions are rejected: neither aws-auth nor an access entry matches the ARN of an
    assumed role.
    """

    kind: PrincipalKind
    partition: Partition
    account: str
    name: str
    path: str = "/"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the principal of an ARN.

        Raises `InvalidInput` for other ARNs. For a session, the fix names the ARN of its role.

        Source: EKS user guide, "Grant IAM users and roles access to Kubernetes APIs".
        """
        arn = Arn.parse(text)
        kind, _, rest = arn.resource.partition("/")
        if arn.service == "sts":
            raise _session_error(text, arn, kind.lower(), rest)
        if arn.service != "iam" or arn.region:
            rule = "must be the ARN of an IAM principal, arn:partition:iam::account:…"
            raise names.invalid(rule, text, "pass the ARN of an IAM user or role")
        with problems_of_part(text, "account id"):
            account = names.account_id(arn.account)
        if arn.resource.lower() == "root":
            return cls(PrincipalKind.ROOT, arn.partition, account, "root")
        if kind.lower() not in {"user", "role"} or not rest or rest.endswith("/"):
            raise names.invalid(
                "must be a user, a role or the account root (IAM); groups and instance profiles cannot sign requests",
                text,
                f"pass {arn.partition.arn('iam', 'user/NAME', account=account)} or …:role/NAME",
            )
        parent, _, name = f"/{rest}".rpartition("/")
        # IAM has the same rule for the names of users and roles.
        with problems_of_part(text, "path"):
            path = names.iam_path(f"{parent}/")
        with problems_of_part(text, "name"):
            names.role_name(name)
        return cls(PrincipalKind(kind.lower()), arn.partition, account, name, path)

    @classmethod
    def of(cls, arn: str | Self) -> Self:
        """Return the principal of an ARN; a principal that is parsed already is returned as it is."""
        return arn if isinstance(arn, cls) else cls.parse(arn)  # type: ignore[arg-type]  # a string, then

    @property
    def arn(self) -> str:
        """ARN as IAM writes it, path included, as required by access entries."""
        if self.kind is PrincipalKind.ROOT:
            return self.partition.arn("iam", "root", account=self.account)
        return self.partition.arn("iam", f"{self.kind}{self.path}{self.name}", account=self.account)

    @property
    def aws_auth_arn(self) -> str:
        """ARN as required by aws-auth: without a role's path, with a user's path.

        Source: aws-iam-authenticator, README, "Full configuration format" and its `arn.Canonicalize`.
        """
        if self.kind is PrincipalKind.ROLE:
            return self.partition.arn("iam", f"role/{self.name}", account=self.account)
        return self.arn

    @property
    def default_username(self) -> str:
        """Default Kubernetes username: the user's name, or the role's name and the session's name."""
        return f"{self.name}:{{{{SessionName}}}}" if self.kind is PrincipalKind.ROLE else self.name

    @property
    def logical_name(self) -> str:
        """Unique part of the logical names of this principal's Pulumi resources.

        Names of users and of roles are unique in an account, whatever the path and the case (IAM).
        """
        return f"{self.account}-{self.kind}-{self.name.lower()}"

    def is_service_linked(self) -> bool:
        """Return whether the role belongs to an AWS service; EKS creates no access entry for such a role."""
        return self.kind is PrincipalKind.ROLE and self.path.lower().startswith("/aws-service-role/")


def principal_arn(text: str) -> str:
    """Return the ARN of a user, a role or an account root as IAM writes it."""
    return Principal.parse(text).arn


def same_arn(one: str, other: str) -> bool:
    """Return whether two ARNs are equal to EKS, which ignores their case."""
    return one.lower() == other.lower()


def _session_error(text: str, arn: Arn, kind: str, rest: str) -> InvalidInput:
    name = rest.partition("/")[0]
    if kind == PrincipalKind.ASSUMED_ROLE and name:
        role = arn.partition.arn("iam", f"role/{name}", account=arn.account)
        return names.invalid(
            "must be the ARN of the role, not of a session: EKS never matches a session",
            text,
            f"pass the role's ARN: {role} (`aws iam get-role --role-name {name}` shows its path, if it has one)",
        )
    return names.invalid(
        "must be the ARN of a user or role, not of a session: EKS never matches a session",
        text,
        "pass the ARN of the IAM user or role that the session belongs to",
    )


_POLICY = re.compile(r"policy/([\x21-\x7e]+/)?[\w+=,.@-]{1,128}", re.ASCII)


def policy_arn(text: str) -> str:
    """Return the ARN of a managed policy of AWS or of an account; raise `InvalidInput` for other text."""
    arn = Arn.parse(text)
    if arn.service != "iam" or arn.region or not _POLICY.fullmatch(arn.resource):
        rule = "must be the ARN of a managed policy, which ends in :policy/NAME (IAM)"
        raise names.invalid(rule, text, "pass the ARN of a managed policy")
    if arn.account != "aws":
        with problems_of_part(text, "account id"):
            names.account_id(arn.account)
    return str(arn)


def is_aws_managed(policy: str) -> bool:
    """Return whether AWS owns the managed policy of an ARN, which no account can change."""
    try:
        return account_of(policy) == "aws"
    except InvalidInput:
        return False


def role_arn(text: str | Principal) -> str:
    """Return the ARN of an IAM role, path included; raise `InvalidInput` for other text."""
    return role(text).arn


def role(arn: str | Principal) -> Principal:
    """Return the role of an ARN; a role that is parsed already is returned as it is."""
    principal = Principal.of(arn)
    if principal.kind is not PrincipalKind.ROLE:
        raise names.invalid("must be the ARN of an IAM role", principal.arn, "pass the ARN of a role")
    return principal


def cluster_arn(text: str) -> str:
    """Return the ARN of an EKS cluster; raise `InvalidInput` for other text."""
    arn = Arn.parse(text)
    kind, _, name = arn.resource.partition("/")
    if arn.service != "eks" or kind != "cluster" or not arn.region:
        rule = "must be the ARN of an EKS cluster, arn:partition:eks:region:account:cluster/NAME"
        raise names.invalid(
            rule, text, "pass Cluster.arn, or what `aws eks describe-cluster --name NAME --query cluster.arn` prints"
        )
    with problems_of_part(text, "account id"):
        names.account_id(arn.account)
    with problems_of_part(text, "region"):
        names.region(arn.region)
    with problems_of_part(text, "name"):
        names.cluster_name(name)
    return str(arn)
