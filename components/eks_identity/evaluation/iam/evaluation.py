"""The decision of all policies on a request.

An explicit Deny in any policy wins. Otherwise these must allow, in this order, and the first that does not is the
reason:

1. each level of service control policies;
2. the resource-based policy, if the resource is in another account or requires one, as roles (trust policies) and KMS
   keys do;
3. an identity-based policy, or, in the same account, a resource-based policy that names more than the account;
4. the permissions boundary and the session policies, unless a resource-based policy of the same account names the
   principal directly.

Services and tokens of OIDC providers have no identity-based policies: the resource-based policy decides.

Unknown values lead to bounds. The request is evaluated with each statement that may apply taken in the way that helps
least, and again in the way that helps most. If both results are equal, the unknown values do not matter. If not, the
answer is `CONDITIONAL`, or `NOT_EVALUATED` if it depends on an element or a document that is not understood.

Source: IAM user guide, "How AWS enforcement code logic evaluates requests to allow or deny access" and "Cross-account
policy evaluation logic".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product

from eks_identity.evaluation.iam.decision import (
    Answer,
    Evaluation,
    Policies,
    PolicyType,
    Reason,
    UndecidedStatement,
)
from eks_identity.evaluation.iam.documents import Effect, Policy
from eks_identity.evaluation.iam.principals import Grant
from eks_identity.evaluation.iam.statements import Match, Request, match

_Layer = tuple[PolicyType, int]
"""A type of policy, and the level of service control policies."""
_Grants = Mapping[_Layer, Grant]
_IDENTITY = (PolicyType.IDENTITY, 0)
_RESOURCE = (PolicyType.RESOURCE, 0)


def evaluate(request: Request, policies: Policies) -> Evaluation:
    """Return the decision of `policies` on `request`."""
    return _Evaluator(request, policies).evaluate()


class _Evaluator:
    """The evaluation of one request: the matching statements of each layer, and their decision."""

    def __init__(self, request: Request, policies: Policies) -> None:
        principal = request.principal
        self._has_identity = principal is None or principal.kind == "AWS"
        self._is_same_account = not request.resource_account or (
            principal is not None and request.resource_account == principal.account
        )
        self._is_resource_policy_required = (
            policies.is_resource_policy_required or not self._is_same_account or not self._has_identity
        )
        self._matches = {
            layer: [
                matched
                for document in documents
                for statement in document.statements
                if (
                    matched := match(
                        statement,
                        request,
                        by_principal=layer == _RESOURCE,
                        has_boundary=policies.boundary is not None,
                    )
                ).high
                is not Grant.NONE
            ]
            for layer, documents in self._layers(policies)
        }

    def _layers(self, policies: Policies) -> Iterator[tuple[_Layer, Sequence[Policy]]]:
        if self._has_identity:
            for index, level in enumerate(policies.service_control):
                yield (PolicyType.SERVICE_CONTROL, index), level
        yield (PolicyType.RESOURCE_CONTROL, 0), policies.resource_control
        yield _RESOURCE, [policies.resource] if policies.resource else []
        yield _IDENTITY, policies.identity
        if policies.boundary:
            yield (PolicyType.BOUNDARY, 0), [policies.boundary]
        if policies.session:
            yield (PolicyType.SESSION, 0), policies.session

    def evaluate(self) -> Evaluation:
        if denies := self._find("Deny", lambda matched: matched.low is not Grant.NONE):
            policy_type = denies[0][0]
            statements = tuple(matched.statement for found, matched in denies if found is policy_type)
            return Evaluation(Answer.DENIED, Reason.EXPLICIT_DENY, policy_type, statements)
        results = {self._answer(not_evaluated_helps=helps) for helps in (False, True)}
        if len(results) > 1:
            found = self._find(None, lambda matched: bool(matched.not_evaluated))
            names = dict.fromkeys(name for _, matched in found for name in matched.not_evaluated)
            conditions = self._conditions()
            return Evaluation(Answer.NOT_EVALUATED, Reason.UNDECIDED, conditions=conditions, not_evaluated=tuple(names))
        (answer,) = results
        if answer is Answer.CONDITIONAL:
            return Evaluation(answer, Reason.UNDECIDED, conditions=self._conditions())
        if answer is Answer.DENIED:
            return Evaluation(answer, Reason.NO_ALLOW, self._missing(self._grants(lambda matched: matched.high)))
        return self._allowed()

    def _answer(self, *, not_evaluated_helps: bool) -> Answer:
        """Return the answer if the statements that are not evaluated all help, or none does."""

        def is_allowed(*, unknown_helps: bool) -> bool:
            def grant(matched: Match) -> Grant:
                helps = not_evaluated_helps if matched.not_evaluated else unknown_helps
                return matched.high if helps is (matched.statement.effect == "Allow") else matched.low

            is_denied = self._find("Deny", lambda matched: grant(matched) is not Grant.NONE)
            return not is_denied and self._missing(self._grants(grant)) is None

        at_least, at_most = is_allowed(unknown_helps=False), is_allowed(unknown_helps=True)
        if at_least is not at_most:
            return Answer.CONDITIONAL
        return Answer.ALLOWED if at_least else Answer.DENIED

    def _grants(self, grant: Callable[[Match], Grant]) -> dict[_Layer, Grant]:
        """Return the most direct grant of each layer."""
        return {
            layer: max(
                (grant(matched) for matched in matches if matched.statement.effect == "Allow"), default=Grant.NONE
            )
            for layer, matches in self._matches.items()
        }

    def _missing(self, grants: _Grants) -> PolicyType | None:
        """Return the type of policy that must allow and does not; None if the request is allowed."""
        if any(layer[0] is PolicyType.SERVICE_CONTROL and not grant for layer, grant in grants.items()):
            return PolicyType.SERVICE_CONTROL
        resource = grants[_RESOURCE]
        if self._is_resource_policy_required and not resource:
            return PolicyType.RESOURCE
        if not self._has_identity or (self._is_same_account and resource is Grant.DIRECT):
            return None
        if not grants[_IDENTITY] and not (self._is_same_account and resource is Grant.ROLE):
            return PolicyType.IDENTITY
        limits = (PolicyType.BOUNDARY, PolicyType.SESSION)
        return next((limit for limit in limits if grants.get((limit, 0)) is Grant.NONE), None)

    def _allowed(self) -> Evaluation:
        grants = self._grants(lambda matched: matched.low)
        if self._missing({**grants, _RESOURCE: Grant.NONE}) is None:
            deciding = [PolicyType.IDENTITY]
        elif self._missing({**grants, _IDENTITY: Grant.NONE}) is None:
            deciding = [PolicyType.RESOURCE]
        else:
            deciding = [PolicyType.IDENTITY, PolicyType.RESOURCE]
        allows = self._find("Allow", lambda matched: matched.low is not Grant.NONE)
        statements = tuple(matched.statement for found, matched in allows if found in deciding)
        return Evaluation(Answer.ALLOWED, Reason.ALLOW, deciding[0], statements)

    def _conditions(self) -> tuple[UndecidedStatement, ...]:
        """Return the undecided Denies, and the undecided Allows of the layers that can decide."""
        lows, highs = self._grants(lambda matched: matched.low), self._grants(lambda matched: matched.high)
        undecided = [layer for layer in self._matches if lows[layer] is not highs[layer]]
        deciding = {layer for layer in undecided if self._decides(layer, undecided, lows, highs)}
        return tuple(
            UndecidedStatement(layer[0], matched.statement, matched.undecided)
            for layer, matches in self._matches.items()
            for matched in matches
            if matched.undecided
            and (matched.statement.effect == "Deny" or (layer in deciding and matched.high > lows[layer]))
        )

    def _decides(self, layer: _Layer, undecided: Sequence[_Layer], lows: _Grants, highs: _Grants) -> bool:
        """Return whether the grant of `layer` decides for some choice of the grants of the other undecided layers."""
        others = [other for other in undecided if other != layer]
        for choice in product((lows, highs), repeat=len(others)):
            grants = {**lows, **{other: bound[other] for other, bound in zip(others, choice, strict=True)}}
            if len({self._missing({**grants, layer: bound[layer]}) is None for bound in (lows, highs)}) > 1:
                return True
        return False

    def _find(self, effect: Effect | None, is_wanted: Callable[[Match], bool]) -> list[tuple[PolicyType, Match]]:
        return [
            (layer[0], matched)
            for layer, matches in self._matches.items()
            for matched in matches
            if effect in {None, matched.statement.effect} and is_wanted(matched)
        ]
