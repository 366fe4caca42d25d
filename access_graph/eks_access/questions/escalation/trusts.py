"""Roles by the principals and services that their trust policies name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from eks_access.graph import AccessGraph
from eks_access.graph.aws_objects import IamPrincipal, Unknown
from eks_identity.evaluation.iam import (
    Answer,
    Evaluation,
    Policies,
    Policy,
    Request,
    RequestContext,
    RequestPrincipal,
    evaluate,
)
from eks_identity.model.arns import account_of
from eks_identity.model.partitions import PARTITIONS

_WORD = re.compile(r"[a-z0-9.-]+")


class Trusts:
    """The trust policies of all roles that a subject can assume or pass. Service-linked roles are none of them."""

    def __init__(self, graph: AccessGraph) -> None:
        self.roles: dict[str, IamPrincipal] = {}
        self.users: list[str] = []
        self.policies: dict[str, Policy] = {}
        self.not_evaluated: list[str] = []
        self._names: dict[str, frozenset[str] | None] = {}
        self._by_principal: dict[str, list[str]] = {}
        self._by_service: dict[str, list[str]] = {}
        self._by_provider: dict[str, list[str]] = {}
        graph.prefetch_iam()
        for arn, principal in graph.principals.all().items():
            if ":user/" in arn:
                self.users.append(arn)
            elif ":role/aws-service-role/" not in arn:
                self.roles[arn] = principal
                self._add(arn, principal)

    def _add(self, arn: str, role: IamPrincipal) -> None:
        if isinstance(role.trust_policy, Unknown):
            self.not_evaluated.append(f"trust policy of {arn}: {role.trust_policy}")
        elif role.trust_policy is not None:
            policy = self.policies[arn] = Policy.parse(role.trust_policy, f"trust policy of {arn}")
            for kind, name in dict.fromkeys(_named(policy)):
                index = {"Service": self._by_service, "Federated": self._by_provider}.get(kind, self._by_principal)
                index.setdefault(name, []).append(arn)
            self.not_evaluated += [problem for each in policy.statements for problem in each.problems]

    def names_in(self, arn: str) -> frozenset[str] | None:
        """Return the words of a trust policy, which may be names of service accounts; None if it has patterns."""
        if arn not in self._names:
            text = str(self.policies[arn]).lower()
            self._names[arn] = None if set("*?$").intersection(text) else frozenset(_WORD.findall(text))
        return self._names[arn]

    def naming(self, arn: str) -> list[str]:
        """Return the roles whose trust policy names a user or role itself, or a session of the role."""
        session = f":sts::{account_of(arn)}:assumed-role/{arn.rpartition('/')[2]}/"
        sessions = (role for name, roles in self._by_principal.items() if session in name for role in roles)
        return list(dict.fromkeys([*self._by_principal.get(arn, ()), *sessions]))

    def trusting_account(self, account: str) -> list[str]:
        """Return the roles whose trust policy names an account, or every principal."""
        roots = (partition.arn("iam", "root", account=account) for partition in PARTITIONS.values())
        names = (account, *roots, "*")
        return list(dict.fromkeys(role for name in names for role in self._by_principal.get(name, ())))

    def trusting_service(self, service: str, account: str) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield the roles of an account that trust a service, each with the conditions."""
        for arn in self._by_service.get(service, ()):
            if account_of(arn) == account:
                context = RequestContext({"aws:SourceAccount": account}, unknown=["aws:*"], complete=True)
                request = Request("sts:AssumeRole", arn, RequestPrincipal.service(service), context)
                conditions = possible_conditions(evaluate(request, Policies(resource=self.policies[arn])))
                if conditions is not None:
                    yield arn, conditions

    def providers(self) -> Iterator[tuple[str, list[str]]]:
        """Yield each OIDC provider that trust policies name, with the roles."""
        for name, roles in self._by_provider.items():
            if ":oidc-provider/" in name:
                yield name, roles


def possible_conditions(decision: Evaluation) -> tuple[str, ...] | None:
    """Return the conditions under which a decision allows; None if it does not."""
    if decision.answer not in {Answer.ALLOWED, Answer.CONDITIONAL}:
        return None
    return tuple(dict.fromkeys(" and ".join(map(str, each.parts)) for each in decision.conditions))


def _named(policy: Policy) -> Iterable[tuple[str, str]]:
    for statement in policy.statements:
        if statement.effect != "Allow":
            continue
        if statement.not_principals is not None:
            yield "AWS", "*"
        for kind, names in (statement.principals or {}).items():
            for name in names:
                yield kind, name
