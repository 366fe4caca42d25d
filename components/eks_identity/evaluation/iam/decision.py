"""The result of an evaluation, as data: the answer, its reason, the statements that decided, and what it depends on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from eks_identity.evaluation.iam.documents import Policy, Statement
from eks_identity.evaluation.iam.statements import UndecidedPart


class Answer(StrEnum):
    """Whether a request is allowed."""

    ALLOWED = "allowed"
    DENIED = "denied"
    CONDITIONAL = "conditional"
    """Allowed or denied by the unknown values in `Evaluation.conditions`."""
    NOT_EVALUATED = "not evaluated"
    """Allowed or denied by what is in `Evaluation.not_evaluated`."""


class PolicyType(StrEnum):
    """A type of policy, as AWS's messages name it."""

    SERVICE_CONTROL = "service control policy"
    RESOURCE_CONTROL = "resource control policy"
    RESOURCE = "resource-based policy"
    IDENTITY = "identity-based policy"
    BOUNDARY = "permissions boundary"
    SESSION = "session policy"


class Reason(StrEnum):
    """Why the answer is what it is."""

    ALLOW = "allowed by"
    EXPLICIT_DENY = "explicit deny in"
    NO_ALLOW = "no statement allows in"
    UNDECIDED = "depends on"


@dataclass(frozen=True)
class Policies:
    """All policies that apply to a request.

    Args:
        identity: The identity-based policies of the user with its groups, or of the role.
        resource: The policy of the resource, such as a bucket policy, or the trust policy of the role to assume.
        boundary: The permissions boundary of the user or role.
        session: The session policies; empty if none were passed.
        service_control: The service control policies of each level, from the root of the organization to the account.
            Empty if there are none, if they do not apply, as to service-linked roles and to the management account, or
            if they are not visible: the evaluation cannot tell, so say which.
        resource_control: The resource control policies of all levels. `RCPFullAWSAccess` allows at each level, so that
            only their Denies count.
        is_resource_policy_required: Whether the resource-based policy must allow in the same account too, as trust
            policies and KMS key policies must.
    """

    identity: Sequence[Policy] = ()
    resource: Policy | None = None
    boundary: Policy | None = None
    session: Sequence[Policy] = ()
    service_control: Sequence[Sequence[Policy]] = ()
    resource_control: Sequence[Policy] = ()
    is_resource_policy_required: bool = False


@dataclass(frozen=True)
class UndecidedStatement:
    """A statement that applies if all of its undecided parts hold.

    With effect Allow, access needs all of them to hold. With effect Deny, it needs one of them not to hold.
    """

    policy_type: PolicyType
    statement: Statement
    parts: tuple[UndecidedPart, ...]

    def __str__(self) -> str:
        return f"{self.statement} ({self.policy_type}) if {' and '.join(str(part) for part in self.parts)}"


@dataclass(frozen=True)
class Evaluation:
    """The answer to a request."""

    answer: Answer
    reason: Reason
    policy_type: PolicyType | None = None
    """The type of policy that allows, denies, or does not allow."""
    statements: tuple[Statement, ...] = ()
    """The statements that allow or deny."""
    conditions: tuple[UndecidedStatement, ...] = ()
    not_evaluated: tuple[str, ...] = ()

    @property
    def is_allowed(self) -> bool:
        return self.answer is Answer.ALLOWED

    def __str__(self) -> str:
        if self.answer is Answer.NOT_EVALUATED:
            return f"{self.answer}: {'; '.join(self.not_evaluated)}"
        if self.answer is Answer.CONDITIONAL:
            return f"{self.answer}: {'; '.join(str(condition) for condition in self.conditions)}"
        named = ", ".join(str(statement) for statement in self.statements)
        return f"{self.answer}: {self.reason} {self.policy_type}" + (f" ({named})" if named else "")
