"""The link of the permissions: whether the policies of the last role of the chain allow the action.

Policies that apply and that no reader of the role sees are notes: service control policies, and the policy of the
resource. A resource of another account needs such a policy, so that there the link of the resource is not evaluated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from eks_access.catalogue import workloads as kinds
from eks_access.findings import Finding, FindingKind, Fix, Link
from eks_access.questions import commands
from eks_access.questions.chain import resolved
from eks_access.questions.workloads import policy_commands
from eks_access.questions.workloads.pod_identity_trust import disabled_session_tags
from eks_access.questions.workloads.policy_commands import one_or_many, values
from eks_access.questions.workloads.role_policies import RolePolicies, narrowed_deny, needs_session_tags
from eks_access.questions.workloads.workload import Identity, Method, Workload
from eks_identity.evaluation import role_sessions
from eks_identity.evaluation.iam import (
    Answer,
    Evaluation,
    Policies,
    Policy,
    PolicyType,
    Reason,
    Request,
    RequestContext,
    RequestPrincipal,
    Statement,
    evaluate,
    matches,
)
from eks_identity.evaluation.iam.statements import match
from eks_identity.model.arns import account_of
from eks_identity.model.session_tags import TAGS

PERMISSIONS = "permissions"
_ANY = "*"


def session_keys(role_arn: str, role_tags: Mapping[str, str], tags: Mapping[str, str]) -> dict[str, str]:
    """Return the condition keys of requests of a role's session that have a known value."""
    return {
        **role_sessions.principal_tags({**role_tags, **tags}),
        "aws:PrincipalArn": role_arn,
        "aws:PrincipalAccount": account_of(role_arn),
        "aws:SecureTransport": "true",
        "aws:ViaAWSService": "false",
    }


def session_context(
    role_arn: str, role_tags: Mapping[str, str], tags: Mapping[str, str], *, has_other_tags: bool = False
) -> RequestContext:
    """Return the context of requests of a role's session; a pod's own session tags are unknown.

    With `has_other_tags`, so are all others.
    """
    unknown = [f"aws:PrincipalTag/{tag}" for tag in (["*"] if has_other_tags else TAGS if tags else [])]
    return RequestContext(session_keys(role_arn, role_tags, tags), absent=["aws:PrincipalTag/*"], unknown=unknown)


class Permissions:
    """The policies that apply to the session of the last role of a chain."""

    def __init__(self, workload: Workload, identity: Identity, role_arn: str) -> None:
        assert workload.action is not None
        self.workload, self.identity, self.role_arn = workload, identity, role_arn
        self.action, self.resource = workload.action, workload.resource or _ANY
        self.role = RolePolicies.of(workload.graph, role_arn)
        self.subject = f"IAM role {role_arn}"

    def link(self) -> Link:
        """Return whether the policies allow the action."""
        decision = self.evaluate(self.identity.session_tags(self.workload))
        if decision.answer is Answer.ALLOWED:
            allowed = str(decision).partition(": ")[2]
            return Link.holds(PERMISSIONS, f"{self.action} on {self.resource} is {allowed}")
        if decision.answer is not Answer.DENIED:
            return Link.not_evaluated(PERMISSIONS, str(decision))
        return self._denied(decision)

    def evaluate(self, tags: dict[str, str]) -> Evaluation:
        """Return the decision on the action for a session with these session tags."""
        return evaluate(
            self._request(tags),
            Policies(identity=self.role.identity, boundary=self.role.boundary, session=self._session()),
        )

    def _request(self, tags: dict[str, str]) -> Request:
        context = session_context(self.role_arn, self._role_tags(), tags)
        return Request(self.action, self.resource, RequestPrincipal.session(self.role_arn, None), context)

    def _role_tags(self) -> dict[str, str]:
        role = self.workload.graph.principals.get(self.role_arn)
        return dict(role.tags) if role is not None else {}

    def _session(self) -> list[Policy]:
        association = self.identity.association
        if association is None or association.session_policy is None:
            return []
        document = resolved(association.session_policy, f"session policy of association {association.id}")
        return [Policy.parse(document, f"session policy of association {association.id}")]

    def _denied(self, decision: Evaluation) -> Link:
        if decision.policy_type is PolicyType.SESSION:
            return self._broken(
                kinds.SESSION_POLICY, str(decision), "a session policy that allows it", self._widen_session()
            )
        if decision.reason is Reason.EXPLICIT_DENY:
            return self._explicit_deny(decision)
        if decision.policy_type is PolicyType.BOUNDARY:
            says = f"the boundary {self.role.boundary_arn} does not allow {self.action} on {self.resource}"
            fix = self.role.allow_in_boundary([self.action], self.resource)
            return self._broken(kinds.BOUNDARY, says, f"a boundary that allows {self.action}", fix)
        if self.role.others is not None:
            return Link.not_evaluated(PERMISSIONS, f"another policy may allow it: {self.role.others}")
        return self._needs_tags() or self._near_statement() or self._no_statement()

    def _broken(self, kind: FindingKind, says: str, should: str, fix: Fix) -> Link:
        return Link.broken(PERMISSIONS, Finding(kind, self.subject, says, should, fix))

    def _explicit_deny(self, decision: Evaluation) -> Link:
        statement = decision.statements[0]
        kind = kinds.BOUNDARY if decision.policy_type is PolicyType.BOUNDARY else kinds.POLICY_DENY
        says = f"{statement} denies {self.action} on {self.resource}"
        fix = self.role.without(decision.statements, self.action, self.resource)
        return self._broken(kind, says, "no Deny that applies to it", fix)

    def _widen_session(self) -> Fix:
        association = self.identity.association
        assert association is not None
        document = resolved(association.session_policy, "session policy") or {}
        statements: list[object] = []
        for statement in policy_commands.statements_of(document):
            is_deny = statement.get("Effect") == "Deny"
            statements += narrowed_deny(statement, self.action, self.resource) if is_deny else [statement]
        statements.append(policy_commands.allow_statement([self.action], self.resource))
        text = policy_commands.as_text({**document, "Statement": statements})
        options = ("--association-id", association.id, "--disable-session-tags", "--policy", text)
        return commands.eks(self.workload.cluster, "update-pod-identity-association", *options)

    def _needs_tags(self) -> Link | None:
        """Return the link of a policy that allows the action only for sessions with the tags of Pod Identity."""
        if self.identity.has_session_tags:
            return None
        tags = role_sessions.pod_identity_tags(self.workload.cluster_arn, *self.workload.key)
        decision = self.evaluate(tags)
        needing = next(
            (each for each in self.role.identity if needs_session_tags(self.role.documents[each.name])), None
        )
        if decision.answer is Answer.DENIED or needing is None:
            return None
        if self.identity.method is Method.POD_IDENTITY:
            return Link.broken(PERMISSIONS, disabled_session_tags(self.workload, self.identity, needing.name))
        says = f"{needing.name} compares session tags, which sessions of IRSA do not have"
        fix = self.role.without_session_tags(needing.name, tags) or self._allow()
        return self._broken(kinds.SESSION_TAGS_OF_IRSA, says, "the values in place of the tags", fix)

    def _near_statement(self) -> Link | None:
        """Return the link of a statement that allows the action on other resources, or under other conditions."""
        for statement in self._allowing():
            element = self.role.element_of(statement)
            resources = values(element.get("Resource", []))
            if not any(matches(pattern, self.resource) for pattern in resources) and resources:
                if self.resource == _ANY and self.workload.resource is None:
                    return Link.holds(PERMISSIONS, f"{self.action} on {', '.join(resources)} only")
                wider = {**element, "Resource": one_or_many([*resources, self.resource])}
                fix = self.role.changed(statement, wider) or self._allow()
                says = f"{statement} allows {self.action} on {', '.join(resources)}"
                return self._broken(kinds.POLICY_RESOURCE, says, f"also on {self.resource}", fix)
            if statement.conditions:
                texts = ", ".join(str(condition) for condition in statement.conditions)
                says = f"{statement} requires {texts}"
                return self._broken(kinds.POLICY_CONDITION, says, "a condition that holds for the pod", self._allow())
        return None

    def _allowing(self) -> Iterator[Statement]:
        """Yield the Allow statements for the action, those for the resource first."""
        request = Request(self.action, self.resource)
        statements = [
            statement
            for policy in self.role.identity
            for statement in policy.statements
            if statement.effect == "Allow"
            and not statement.problems
            and any(matches(pattern, self.action, ignore_case=True) for pattern in statement.actions or ())
        ]
        yield from sorted(statements, key=lambda each: not match(each, request).high)

    def _no_statement(self) -> Link:
        names = ", ".join(self.role.documents) or "no policies"
        should = f"a policy that allows {self.action} on {self.resource}"
        return self._broken(kinds.POLICY_MISSING, f"the role has {names}", should, self._allow())

    def _allow(self) -> Fix:
        return policy_commands.allow(self.role_arn, [self.action], self.resource)
