"""Service accounts as a token's `sub` names them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from eks_identity.errors import InvalidInput, Problem, Problems, part_of
from eks_identity.model import names

_PREFIX = "system:serviceaccount:"
_WILDCARD = re.compile(r"[*?]")


@dataclass(frozen=True)
class Subject:
    """A service account, or with wildcards every service account that matches.

    Source of the form: Kubernetes, "Service account tokens", `system:serviceaccount:<namespace>:<name>`.
    """

    namespace: str
    service_account: str

    @classmethod
    def of(cls, namespace: str, service_account: str, *, allow_wildcards: bool = False) -> Self:
        """Refuses names that Kubernetes would, and wildcards unless asked for them.

        Under StringEquals a `*` is a literal, which denies silently; under StringLike `ns:*` gives the role to anyone
        who may create a service account in `ns`. So a wildcard has to be meant.
        """
        with Problems() as problems:
            for field, value, check in (
                ("namespace", namespace, names.namespace),
                ("service_account", service_account, names.service_account),
            ):
                if not isinstance(value, str) or not _WILDCARD.search(value):
                    problems.parse(field, check, value)
                elif not allow_wildcards:
                    problems.add(
                        field,
                        "a wildcard lets in every service account that matches, whoever creates it",
                        value,
                        "name each service account, or set allow_wildcards to True if that is meant",
                    )
                else:
                    problems.parse(field, check, _WILDCARD.sub("x", value))
        return cls(namespace, service_account)

    @classmethod
    def parse(cls, text: str, *, allow_wildcards: bool = False) -> Self:
        """Takes `system:serviceaccount:<namespace>:<name>`."""
        namespace, separator, name = names.text(text).removeprefix(_PREFIX).partition(":")
        if not text.startswith(_PREFIX) or not separator:
            raise InvalidInput(
                [
                    Problem(
                        "",
                        f"a service account's subject is {_PREFIX}NAMESPACE:NAME",
                        text,
                        f"write {_PREFIX}default:my-sa",
                    )
                ]
            )
        with part_of(text, "service account"):
            return cls.of(namespace, name, allow_wildcards=allow_wildcards)

    @property
    def logical_name(self) -> str:
        """What the logical names of its Pulumi resources have in them: a namespace has no dot, so no two are alike."""
        return f"{self.namespace}.{self.service_account}"

    @property
    def has_wildcard(self) -> bool:
        return bool(_WILDCARD.search(self.namespace + self.service_account))

    def __str__(self) -> str:
        return f"{_PREFIX}{self.namespace}:{self.service_account}"
