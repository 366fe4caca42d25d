"""Who may assume a role by one trust policy and not by another, by meaning and in words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Final

from eks_identity.evaluation.iam import Condition, Document, Policy, Statement, Truth, contains, matches
from eks_identity.model.trust import POD_IDENTITY_SERVICE

_ASSUME: Final = ("sts:AssumeRole", "sts:AssumeRoleWithWebIdentity", "sts:AssumeRoleWithSAML")
_SUBJECT: Final = "system:serviceaccount:"
_ACCOUNT = re.compile(r"(?:arn:[a-z-]+:iam::)?(\d{12})(?::root)?")


@dataclass(frozen=True)
class Trusted:
    """A principal that a trust policy allows to assume the role."""

    statement: Statement
    """With one principal, and one subject if it is a token's."""
    words: str
    """As in "service account default/app of the cluster"."""


@dataclass(frozen=True)
class TrustExcess:
    """The principals that one trust policy allows and another does not."""

    trusted: tuple[Trusted, ...] = ()
    undecided: tuple[str, ...] = ()


def trust_excess(of: Document | None, over: Document | None, issuer: str) -> TrustExcess:
    """Return who may assume a role by the trust policy `of` and not by `over`; None is that of no role.

    `issuer` is the cluster's, without `https://`.
    """
    documents = [Policy.parse(each or {}, "trust policy") for each in (of, over)]
    own, other = ([_only_assume(statement) for statement in each.statements] for each in documents)
    denies = [statement for statement in own if statement is not None and statement.effect == "Deny"]
    container = Policy("trust policy", tuple(statement for statement in other if statement is not None))
    found, undecided = [], []
    for statement in own:
        if statement is None or statement.effect != "Allow":
            continue
        for part in _parts(statement):
            allowed = contains([container], [Policy("trust policy", (part, *denies))])
            if allowed is Truth.NO:
                found.append(Trusted(part, _words(part, issuer)))
            elif allowed is Truth.MAYBE:
                reason = "; ".join(part.problems) or "the comparison of its conditions is not decided"
                undecided.append(f"{statement}, for {_words(part, issuer)}: {reason}")
    unique = {each.words: each for each in found}
    return TrustExcess(tuple(unique.values()), tuple(dict.fromkeys(undecided)))


def names_workloads(trust: Document, provider_suffix: str) -> bool:
    """Return whether a trust policy names Pod Identity or the OIDC provider of an issuer."""
    for statement in Policy.parse(trust).statements:
        principals = statement.principals or {}
        if POD_IDENTITY_SERVICE in principals.get("Service", ()):
            return True
        if any(value.endswith(f":oidc-provider/{provider_suffix}") for value in principals.get("Federated", ())):
            return True
    return False


def _only_assume(statement: Statement) -> Statement | None:
    """Return a statement for the actions that assume a role; None if it has none of them.

    Other actions, such as `sts:TagSession`, do not decide who may assume it.
    """
    if statement.problems:
        return statement
    patterns = statement.not_actions if statement.not_actions is not None else statement.actions or ()
    is_named = [any(matches(pattern, action, ignore_case=True) for pattern in patterns) for action in _ASSUME]
    is_positive = statement.not_actions is None
    actions = tuple(action for action, named in zip(_ASSUME, is_named, strict=True) if named is is_positive)
    return replace(statement, actions=actions, not_actions=None) if actions else None


def _parts(statement: Statement) -> Iterator[Statement]:
    """Yield a statement as statements of one principal each; tokens of an OIDC provider by subject."""
    if statement.problems or statement.principals is None:
        yield statement
        return
    for kind, names in statement.principals.items():
        for name in names:
            single = replace(statement, principals={kind: (name,)}, actions=_actions_of(statement, kind))
            for conditions in product(*([*_single_subjects(each)] for each in statement.conditions)):
                if single.actions:
                    yield replace(single, conditions=conditions)


def _actions_of(statement: Statement, kind: str) -> tuple[str, ...]:
    """Return the actions with which principals of a kind assume a role."""
    is_federated = kind == "Federated"
    return tuple(action for action in statement.actions or () if ("With" in action) is is_federated)


def _single_subjects(condition: Condition) -> Iterator[Condition]:
    if _is_subject(condition):
        yield from (replace(condition, values=(value,)) for value in condition.values)
    else:
        yield condition


def _is_subject(condition: Condition) -> bool:
    is_positive = condition.operator in {"StringEquals", "StringLike", "StringEqualsIgnoreCase"}
    return is_positive and condition.key.lower().endswith(":sub")


def _words(statement: Statement, issuer: str) -> str:
    if statement.principals is None or statement.problems:
        named = "principals other than those of NotPrincipal" if statement.not_principals else "principals"
        return f"{named} that statement {statement.sid or statement.index} names"
    ((kind, (name, *_)),) = statement.principals.items()
    left = list(statement.conditions)
    words = name
    if kind == "Federated":
        words, left = _token_words(name, left, issuer)
    elif kind == "Service":
        words = "Pod Identity, for every association" if name == POD_IDENTITY_SERVICE else f"service {name}"
    elif name == "*":
        words = "every AWS principal"
    elif (account := _ACCOUNT.fullmatch(name)) is not None:
        words = f"principals of account {account[1]}"
    return f"{words}, if {' and '.join(map(str, left))}" if left else words


def _token_words(provider: str, conditions: Sequence[Condition], issuer: str) -> tuple[str, list[Condition]]:
    """Return the tokens of a provider in words, and the conditions that the words leave out."""
    host = provider.partition(":oidc-provider/")[2]
    subjects = [condition for condition in conditions if _is_subject(condition)]
    left = [each for each in conditions if each not in subjects and each.key.lower() != f"{host.lower()}:aud"]
    of = "" if host == issuer else f" of issuer {host}"
    if not subjects:
        return f"every service account{of or ' of the cluster'}", left
    (subject, *others) = subjects
    name = subject.values[0]
    if not name.startswith(_SUBJECT):
        return f"tokens with subject {name}{of}", [*left, *others]
    is_pattern = subject.operator == "StringLike" and ("*" in name or "?" in name)
    plural = "service accounts that match" if is_pattern else "service account"
    return f"{plural} {name.removeprefix(_SUBJECT).replace(':', '/')}{of}", [*left, *others]
