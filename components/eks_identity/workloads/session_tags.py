"""Session tags of pods, where a component reads a policy: what needs a tag that the pods do not have is rejected.

The documents of policies that the component writes are read, and those of `aws.iam.Policy` resources of the same Python
program whose ARN is passed. What a managed policy says that exists elsewhere is not known here.
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
from eks_identity.model.session_tags import Need, Session, needs_of_document, needs_of_statements, split
from eks_identity.runtime import diagnostics
from eks_identity.runtime.args_validation import is_output
from eks_identity.runtime.inputs import Inputs, known, refusing

OF_IRSA = "sessions of IRSA have no session tags (EKS)"
DISABLED = "disable_session_tags leaves the sessions without session tags (EKS)"
SESSION_POLICY = "a session with a session policy has no session tags (EKS)"
OLD_PODS = "pods that started with IRSA have no session tags until they are recreated"
USE_POD_IDENTITY = "set mode to pod-identity"


@dataclass(frozen=True)
class TagCheck:
    """Checks the policies of a role against the tags that its sessions have."""

    subject: str
    """The component, as messages call it."""
    session: Session
    also: Session | None = None
    """Sessions that only some of the pods have: what they lack is a warning."""
    _reported: set[str] = field(default_factory=set)

    def statements(self, given: Sequence[Mapping[str, Any]]) -> None:
        """Raise `InvalidInput` for statements as they are written in args; Outputs in them are left out."""
        self._require(partial(needs_of_statements, given), "")

    def document(self, text: str | Mapping[str, Any], under: str = "") -> None:
        """Raise `InvalidInput` for a policy document; what is not one is left to other checks."""
        try:
            content = json.loads(text) if isinstance(text, str) else text
        except json.JSONDecodeError:
            return
        if isinstance(content, Mapping):
            self._require(partial(needs_of_document, content), under)

    def inline_policy(self, text: str) -> str:
        """`text` as compact JSON, where it is a policy document that needs no tag that is absent."""
        made = permissions.inline_policy(text)
        self.document(made)
        return made

    def policies(self, inputs: Inputs, arns: Sequence[pulumi.Input[str]], under: str) -> None:
        """Check the documents of policies of the same program, whose ARNs these are."""
        for index, arn in enumerate(arns):
            if isinstance(arn, pulumi.Output):
                self.policy(inputs, arn, f"{under}[{index}]")

    def policy(self, inputs: Inputs, arn: pulumi.Input[str] | None, under: str) -> None:
        """Check the document of a policy of the same program, whose ARN this is."""
        if isinstance(arn, pulumi.Output):
            refusing(pulumi.Output.from_input(_document_of(arn)), partial(self._managed, under=under), inputs.subject)

    def _managed(self, text: str | None, under: str) -> None:
        if text is not None:
            self.document(text, under)

    def _require(self, needs: Callable[[Session], list[Need]], under: str) -> None:
        problems, warnings = split(needs(self.session), self.session, under)
        if self.also is not None:
            more, sentences = split(needs(self.also), self.also, under)
            warnings += sentences
            warnings += [f"{problem.input} {problem.rule.replace('must not need', 'needs')}" for problem in more]
        for warning in warnings:
            if warning not in self._reported:
                self._reported.add(warning)
                diagnostics.warn(f"{self.subject}: {warning}")
        if problems:
            raise InvalidInput(problems)


def plain(value: Any) -> Any:
    """`value` with None for what is not known yet."""
    if is_output(value):
        return None
    if isinstance(value, Mapping):
        return {key: plain(one) for key, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, list | tuple) else value


async def _document_of(arn: pulumi.Output[str]) -> str | None:
    resources = await arn.resources()
    policy = next(iter(resources), None)
    return await known(policy.policy) if len(resources) == 1 and isinstance(policy, aws.iam.Policy) else None
