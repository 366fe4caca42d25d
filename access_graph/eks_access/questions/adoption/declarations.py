"""Declarations of eks_identity's components as data, and what no declaration can express."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from eks_identity.errors import InvalidInput

CLUSTER, OIDC_PROVIDER, CLUSTER_ACCESS = "Cluster", "OidcProvider", "ClusterAccess"
IAM_ROLE = "IAM role "
WORKLOAD, IRSA_ROLE, POD_IDENTITY_ROLE = "WorkloadIdentity", "IrsaRole", "PodIdentityRole"


class Form(StrEnum):
    """Forms of the files that `adopt` writes. Settings have fewer components than a program."""

    PROGRAM = "program"
    SETTINGS = "settings"


@dataclass(frozen=True)
class Reference:
    """An output of another component of the program, as an argument."""

    output: str
    """`cluster.connection`, `cluster.issuer` or `provider.arn`."""


PROVIDER_ARN = Reference("provider.arn")


@dataclass(frozen=True)
class Declaration:
    """A component, and the objects in AWS and Kubernetes that it declares."""

    component: str
    """Class name of the component."""
    name: str
    """Its logical name, which is its key in settings."""
    args: Mapping[str, Any]
    objects: tuple[str, ...] = ()
    """The existing objects in words, as in `access entry arn:…`."""

    @property
    def role_arn(self) -> str:
        """ARN of the IAM role that it owns; empty if it owns none."""
        return next((name.removeprefix(IAM_ROLE) for name in self.objects if name.startswith(IAM_ROLE)), "")

    @property
    def subject(self) -> str:
        """The declaration as the component's errors name it."""
        return f'{self.component} "{self.name}"'


@dataclass(frozen=True)
class NotAdopted:
    """An object that no declaration expresses."""

    object: str
    reason: str

    def __str__(self) -> str:
        return f"{self.object}: {self.reason}"


@dataclass(frozen=True)
class Adoption:
    """The declarations that equal a cluster's identity, and what they leave out."""

    cluster: str
    form: Form
    declarations: tuple[Declaration, ...]
    not_adopted: tuple[NotAdopted, ...]

    def without(self, subject: str, reason: str) -> Adoption:
        """Return the adoption without a declaration that its component rejects: its objects are not adopted.

        Declarations that use a rejected provider are left out with it.
        """
        rejected = {each.subject for each in self.declarations if each.subject == subject}
        if any(each.component == OIDC_PROVIDER and each.subject in rejected for each in self.declarations):
            rejected |= {each.subject for each in self.declarations if PROVIDER_ARN in each.args.values()}
        lost = (each for each in self.declarations if each.subject in rejected)
        return replace(
            self,
            declarations=tuple(each for each in self.declarations if each.subject not in rejected),
            not_adopted=(*self.not_adopted, *(NotAdopted(name, reason) for each in lost for name in each.objects)),
        )


class Names:
    """Logical names that are unique among components of one class."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def unique(self, *candidates: str) -> str:
        """Return the first candidate that is free, else the last one with a number."""
        plain = [re.sub(r"[^A-Za-z0-9._-]+", "-", each).strip("-") or "adopted" for each in candidates]
        numbered = (f"{plain[-1]}-{number}" for number in range(2, len(self._taken) + 3))
        name = next(each for each in (*plain, *numbered) if each not in self._taken)
        self._taken.add(name)
        return name


def reason_of(error: InvalidInput) -> str:
    """Return why a component rejects an existing object, in one line."""
    return "; ".join(f"{each.input} {each.rule}".strip() for each in error.problems)


def without_empty(args: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Return arguments without those that are not set."""
    return {name: value for name, value in args if value not in (None, "", [], {}, ())}
