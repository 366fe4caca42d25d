"""ARNs, and the IAM principals they name: which of them a cluster can know a person or a node by."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from eks_identity.errors import InvalidInput, Problem, part_of
from eks_identity.model import names, partitions
from eks_identity.model.partitions import Partition

_FIELDS = 6


@dataclass(frozen=True)
class Arn:
    """An ARN taken apart: `arn:partition:service:region:account:resource`."""

    partition: Partition
    service: str
    region: str
    account: str
    resource: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Refuses what is not an ARN, or names a partition that this library does not know."""
        fields = names.text(text).split(":", _FIELDS - 1)
        if (
            len(fields) != _FIELDS
            or fields[0].lower() != "arn"
            or not fields[2]
            or not fields[5]
            or text != text.strip()
        ):
            raise _refused(
                "an ARN has six fields, arn:partition:service:region:account:resource",
                text,
                "pass the arn output of a resource, or copy the whole ARN as AWS prints it",
            )
        _, partition, service, region, account, resource = fields
        with part_of(text, "partition"):
            found = partitions.partition(partition.lower())
        return cls(found, service.lower(), region, account, resource)

    def __str__(self) -> str:
        return self.partition.arn(self.service, self.resource, region=self.region, account=self.account)


class PrincipalKind(StrEnum):
    """What an IAM principal is."""

    USER = "user"
    ROLE = "role"
    ASSUMED_ROLE = "assumed-role"
    FEDERATED_USER = "federated-user"
    ROOT = "root"


@dataclass(frozen=True)
class Principal:
    """An IAM user, role or account root: somebody who can be let into a cluster.

    `path` is `/` or `/team/…/`. Sessions are not principals here: an assumed-role ARN is refused, since neither
    aws-auth nor an access entry ever matches one.
    """

    kind: PrincipalKind
    partition: Partition
    account: str
    name: str
    path: str = "/"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Refuses sessions with the ARN to write instead, and everything that is no principal at all.

        Source: EKS user guide, "Grant IAM users and roles access to Kubernetes APIs".
        """
        arn = Arn.parse(text)
        kind, _, rest = arn.resource.partition("/")
        if arn.service == "sts":
            raise _session_refused(text, arn, kind.lower(), rest)
        if arn.service != "iam" or arn.region:
            raise _refused(
                "an IAM principal's ARN is arn:partition:iam::account:…", text, "give a user's or role's ARN"
            )
        with part_of(text, "account id"):
            account = names.account_id(arn.account)
        if arn.resource.lower() == "root":
            return cls(PrincipalKind.ROOT, arn.partition, account, "root")
        if kind.lower() not in {"user", "role"} or not rest or rest.endswith("/"):
            raise _refused(
                "a user, a role or the account root (IAM); groups and instance profiles cannot sign a request",
                text,
                f"give {arn.partition.arn('iam', 'user/NAME', account=account)} or …:role/NAME",
            )
        parent, _, name = f"/{rest}".rpartition("/")
        # IAM has the same rule for the names of users and roles.
        with part_of(text, "path"):
            path = names.iam_path(f"{parent}/")
        with part_of(text, "name"):
            names.role_name(name)
        return cls(PrincipalKind(kind.lower()), arn.partition, account, name, path)

    @classmethod
    def of(cls, arn: str | Self) -> Self:
        """Return the principal of an ARN; a principal that is parsed already is returned as it is."""
        return arn if isinstance(arn, cls) else cls.parse(arn)  # type: ignore[arg-type]  # a string, then

    @property
    def arn(self) -> str:
        """The ARN as IAM writes it, path and all: what an access entry wants."""
        if self.kind is PrincipalKind.ROOT:
            return self.partition.arn("iam", "root", account=self.account)
        return self.partition.arn("iam", f"{self.kind}{self.path}{self.name}", account=self.account)

    @property
    def aws_auth_arn(self) -> str:
        """The ARN as aws-auth wants it: a role's path is removed there, a user's stays.

        Source: aws-iam-authenticator, README, "Full configuration format" and its `arn.Canonicalize`.
        """
        if self.kind is PrincipalKind.ROLE:
            return self.partition.arn("iam", f"role/{self.name}", account=self.account)
        return self.arn

    @property
    def default_username(self) -> str:
        """The Kubernetes username where none is given: the user's name, or the role's and each session's."""
        return f"{self.name}:{{{{SessionName}}}}" if self.kind is PrincipalKind.ROLE else self.name

    @property
    def logical_name(self) -> str:
        """What the logical names of this principal's Pulumi resources have in them; no other principal has the same.

        IAM has one user and one role of a name in an account, whatever the path and the case.
        """
        return f"{self.account}-{self.kind}-{self.name.lower()}"

    def is_service_linked(self) -> bool:
        """Service-linked roles belong to an AWS service; EKS takes no access entry for one."""
        return self.kind is PrincipalKind.ROLE and self.path.lower().startswith("/aws-service-role/")


def principal_arn(text: str) -> str:
    """The ARN of a user, a role or an account root, as IAM writes it."""
    return Principal.parse(text).arn


def same_arn(one: str, other: str) -> bool:
    """Whether two ARNs name the same thing to EKS: they compare without regard to case."""
    return one.lower() == other.lower()


def _session_refused(text: str, arn: Arn, kind: str, rest: str) -> InvalidInput:
    name = rest.partition("/")[0]
    if kind == PrincipalKind.ASSUMED_ROLE and name:
        role = arn.partition.arn("iam", f"role/{name}", account=arn.account)
        return _refused(
            "a session is never matched, only the role that it was made from (EKS)",
            text,
            f"give the role's ARN: {role} (`aws iam get-role --role-name {name}` shows its path, if it has one)",
        )
    return _refused(
        "a session is never matched, only the user or role behind it (EKS)",
        text,
        "give the ARN of the IAM user or role that the session was made from",
    )


_POLICY = re.compile(r"policy/([\x21-\x7e]+/)?[\w+=,.@-]{1,128}", re.ASCII)


def policy_arn(text: str) -> str:
    """The ARN of a managed policy, of AWS or of an account."""
    arn = Arn.parse(text)
    if arn.service != "iam" or arn.region or not _POLICY.fullmatch(arn.resource):
        raise _refused("a managed policy's ARN ends in :policy/NAME (IAM)", text, "give the ARN of a managed policy")
    if arn.account != "aws":
        with part_of(text, "account id"):
            names.account_id(arn.account)
    return str(arn)


def role_arn(text: str | Principal) -> str:
    """The ARN of an IAM role, path included."""
    return role(text).arn


def role(arn: str | Principal) -> Principal:
    """Return the role of an ARN; a role that is parsed already is returned as it is."""
    principal = Principal.of(arn)
    if principal.kind is not PrincipalKind.ROLE:
        raise _refused("an IAM role's ARN", arn, "give the ARN of a role")
    return principal


def cluster_arn(text: str) -> str:
    """The ARN of an EKS cluster."""
    arn = Arn.parse(text)
    kind, _, name = arn.resource.partition("/")
    if arn.service != "eks" or kind != "cluster" or not arn.region:
        rule = "an EKS cluster's ARN is arn:partition:eks:region:account:cluster/NAME"
        raise _refused(
            rule, text, "give Cluster.arn, or what `aws eks describe-cluster --name NAME --query cluster.arn` prints"
        )
    with part_of(text, "account id"):
        names.account_id(arn.account)
    with part_of(text, "region"):
        names.region(arn.region)
    with part_of(text, "name"):
        names.cluster_name(name)
    return str(arn)


def _refused(rule: str, value: object, fix: str) -> InvalidInput:
    return InvalidInput([Problem("", rule, value, fix)])
