"""Kubernetes service accounts as subjects of tokens, in the `sub` claim."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from eks_identity.errors import Problems, problems_of_part
from eks_identity.model import names

_PREFIX = "system:serviceaccount:"
_WILDCARD = re.compile(r"[*?]")


@dataclass(frozen=True)
class Subject:
    """A service account, or a pattern with wildcards for service accounts.

    Source of the form: Kubernetes, "Service account tokens", `system:serviceaccount:<namespace>:<name>`.
    """

    namespace: str
    service_account: str

    @classmethod
    def of(cls, namespace: str, service_account: str, *, allow_wildcards: bool = False) -> Self:
        """Return the subject; raise `InvalidInput` for names that Kubernetes rejects.

        Wildcards need `allow_wildcards`: under StringLike, `ns:*` gives the role to every principal that can create a
        service account in `ns`. Under StringEquals a `*` is a literal, and matches no service account.
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
                        "must not have wildcards: every service account that matches could assume the role",
                        value,
                        "name each service account, or set allow_wildcards to True if this is intended",
                    )
                else:
                    problems.parse(field, check, _WILDCARD.sub("x", value))
        return cls(namespace, service_account)

    @classmethod
    def parse(cls, text: str, *, allow_wildcards: bool = False) -> Self:
        """Return the subject of `system:serviceaccount:<namespace>:<name>`; raise `InvalidInput` for other text."""
        namespace, separator, name = names.text(text).removeprefix(_PREFIX).partition(":")
        if not text.startswith(_PREFIX) or not separator:
            rule = f"must be the subject of a service account, {_PREFIX}NAMESPACE:NAME (Kubernetes)"
            raise names.invalid(rule, text, f"write {_PREFIX}default:my-sa")
        with problems_of_part(text, "service account"):
            return cls.of(namespace, name, allow_wildcards=allow_wildcards)

    @property
    def logical_name(self) -> str:
        """Unique part of the logical names of its Pulumi resources: a namespace contains no dot."""
        return f"{self.namespace}.{self.service_account}"

    @property
    def has_wildcard(self) -> bool:
        return bool(_WILDCARD.search(self.namespace + self.service_account))

    def __str__(self) -> str:
        return f"{_PREFIX}{self.namespace}:{self.service_account}"
