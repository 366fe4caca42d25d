"""Session tags of pods, compared with the policies that components read: a policy that needs a missing tag is rejected.

The documents of policies that the component writes are read, and those of `aws.iam.Policy` resources of the same Python
program whose ARN is passed. The documents of other managed policies are not read.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pulumi
import pulumi_aws as aws

from eks_identity.errors import InvalidInput
from eks_identity.model import permissions
from eks_identity.model.session_tags import (
    Session,
    TagNeed,
    find_document_needs,
    find_statement_needs,
    split_by_severity,
)
from eks_identity.runtime import diagnostics
from eks_identity.runtime.args_validation import is_output
from eks_identity.runtime.inputs import Inputs, parse_output, resolve
from eks_identity.workloads.role_settings import StatementArgs

OF_IRSA = "sessions of IRSA have no session tags (EKS)"
DISABLED = "disable_session_tags leaves the sessions without session tags (EKS)"
SESSION_POLICY = "a session with a session policy has no session tags (EKS)"
OLD_PODS = "pods that started with IRSA have no session tags until they are recreated"
USE_POD_IDENTITY = "set mode to pod-identity"


@dataclass(frozen=True)
class SessionTagCheck:
    """Checks the policies of a role against the tags that its sessions have."""

    subject: str
    """The component, as messages name it: `IrsaRole "reader"`."""
    session: Session
    old_session: Session | None = None
    """Sessions of pods that started before the mode changed: tags that only these lack are a warning."""
    _reported: set[str] = field(default_factory=set)

    def require_tags_of_statements(self, statements: Sequence[StatementArgs]) -> None:
        """Raise `InvalidInput` for statements that need a missing tag. Values of None are resolved later."""
        self._require(partial(find_statement_needs, statements), "")

    def parse_document(self, text: str, *, under: str) -> str:
        """Return a policy document as compact JSON; raise `InvalidInput` if it needs a missing tag.

        `under` is the document's input, as warnings name it.
        """
        document = permissions.inline_policy(text)
        self._require(partial(find_document_needs, document), under)
        return document

    def check_managed_policy(self, inputs: Inputs, arn: pulumi.Input[Any], under: str) -> None:
        """Reject a managed policy of the same program, passed as an Output, if its document needs a missing tag."""
        if isinstance(arn, pulumi.Output):
            document: pulumi.Input[str | None] = _document_of(arn)
            parse_output(
                pulumi.Output.from_input(document),
                partial(self._require_tags_of_policy, under=under),
                inputs.subject,
                under,
            )

    def _require_tags_of_policy(self, text: str | None, *, under: str) -> None:
        try:
            document = json.loads(text or "")
        except (ValueError, RecursionError):
            return  # not of the same program, or rejected by IAM
        if isinstance(document, Mapping):
            self._require(partial(find_document_needs, document), under)

    def _require(self, needs: Callable[[Session], list[TagNeed]], under: str) -> None:
        missing = needs(self.session)
        problems, _ = split_by_severity(missing, self.session)
        _, warnings = split_by_severity(missing, self.session, under)
        if self.old_session is not None:
            of_old_pods, more = split_by_severity(needs(self.old_session), self.old_session, under)
            warnings += more
            warnings += [f"{problem.input} {problem.rule.replace('must not need', 'needs')}" for problem in of_old_pods]
        for warning in warnings:
            if warning not in self._reported:
                self._reported.add(warning)
                diagnostics.warn(f"{self.subject}: {warning}")
        if problems:
            raise InvalidInput(problems)


def resolved_part(value: Any) -> Any:
    """Return `value` with None in place of each Output in it."""
    if is_output(value):
        return None
    if isinstance(value, Mapping):
        return {key: resolved_part(item) for key, item in value.items()}
    return [resolved_part(item) for item in value] if isinstance(value, list | tuple) else value


async def _document_of(arn: pulumi.Output[Any]) -> str | None:
    resources = await arn.resources()
    policy = next(iter(resources), None)
    return await resolve(policy.policy) if len(resources) == 1 and isinstance(policy, aws.iam.Policy) else None
