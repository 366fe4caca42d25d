"""The way back from Pod Identity to IRSA: a role trusts EKS for as long as an association gives it to pods.

The engine changes roles before it deletes associations, so pods that start between the two would have no credentials.
EKS is asked where the engine is about to change such a role's trust policy, in previews too, and nowhere else.
"""

from dataclasses import dataclass
from typing import Any

import pulumi

from eks_identity.clusters.connections import ClusterConnection
from eks_identity.errors import AwsError, InvalidInput, Problem
from eks_identity.model.arns import Arn, same_arn
from eks_identity.model.trust import POD_IDENTITY_SERVICE
from eks_identity.runtime import diagnostics
from eks_identity.runtime.inputs import InvalidInputError, known
from eks_identity.runtime.resource_hooks import Child, hook
from eks_identity.runtime.threads import in_thread
from eks_identity.workloads.associations import asked_of
from eks_identity.workloads.subjects import SubjectArgs, pairs

ROLE = "aws:iam/role:Role"
KEEP_IT = "set keep_pod_identity to True for this update, and take it out in the next one: the association is gone then"


@dataclass(frozen=True)
class PodIdentityRemoval:
    """A role that trusts IRSA alone, and the service accounts that may still have it by an association."""

    who: str
    """The component that declares it, as messages call it."""
    component: pulumi.ComponentResource
    name: str
    """The component's name, and the role's."""
    cluster: ClusterConnection
    subjects: list[SubjectArgs]

    def hooks(self) -> pulumi.ResourceHookBinding:
        """What the engine runs before it changes the role."""
        role = Child(self.component, ROLE, self.name)
        return pulumi.ResourceHookBinding(before_update=[hook("trusts-pod-identity", role, self._look)])

    async def _look(self, hooked: pulumi.ResourceHookArgs) -> None:
        before, after = (_trust(inputs) for inputs in (hooked.old_inputs, hooked.new_inputs))
        role_arn = (hooked.old_outputs or {}).get("arn")
        if after and isinstance(role_arn, str) and POD_IDENTITY_SERVICE in before and POD_IDENTITY_SERVICE not in after:
            await self.refuse(role_arn)

    async def refuse(self, role_arn: str) -> None:
        """Refuses where one of the service accounts has the role by an association."""
        asked = [asked_of(self.cluster, self.component), pairs(self.subjects)]
        found: list[Any] | None = await known(asked)
        if found is None:
            return  # a cluster that is still to be made has no associations
        if Arn.parse(role_arn).account != Arn.parse(found[0]["arn"]).account:
            return  # associations give roles of the cluster's account (EKS)
        try:
            bound = await in_thread(_bound, found[0], found[1], role_arn)
        except AwsError as error:
            diagnostics.warn(f"cannot see whether pods have {role_arn} by Pod Identity: {error}", self.component)
            return
        except InvalidInput as refusal:
            raise InvalidInputError(refusal.problems, subject=self.who) from None
        if bound:
            rule = (
                f"the role trusts Pod Identity until the association of {', '.join(bound)} is gone, and Pulumi deletes "
                "last: pods that start meanwhile would have no credentials"
            )
            raise InvalidInputError([Problem("mode", rule, "irsa", KEEP_IT)], subject=self.who)


def _bound(cluster: dict[str, Any], subjects: list[list[str]], role_arn: str) -> list[str]:
    from eks_identity.clients.eks_api import EksApi  # noqa: PLC0415 - boto3 takes a while, and few programs ever ask

    api = EksApi(**cluster)
    return [
        f"{namespace}/{account}"
        for namespace, account in subjects
        if same_arn(api.pod_identity_role(namespace, account) or "", role_arn)
    ]


def _trust(inputs: Any) -> str:
    """The trust policy; empty where it is not known yet."""
    document = (inputs or {}).get("assumeRolePolicy")
    return document if isinstance(document, str) else ""
