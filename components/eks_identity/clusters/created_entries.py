"""Access entries that are created with a new cluster: those of `create.access_entries`, and the creator's.

EKS has one access entry for a principal. No preview can read these entries in EKS. A second entry of a principal would
fail in the update, after the cluster was created.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pulumi

from eks_identity.clusters.literal_principals import reject_literal_of_new_identity
from eks_identity.errors import InvalidInput, Problem
from eks_identity.model import lockout
from eks_identity.model.access_entries import AccessMethod
from eks_identity.model.arns import Arn, Principal
from eks_identity.runtime import diagnostics, program_state
from eks_identity.runtime.inputs import Inputs

CALLER = "aws:index/getCallerIdentity:getCallerIdentity"
_OPTION = "create.access_entries"


@dataclass(frozen=True)
class CreatedEntries:
    """The access entries of one cluster that `component` creates. The cluster's ARN is unknown in that preview."""

    inputs: Inputs
    component: pulumi.ComponentResource
    cluster_arn: pulumi.Output[str]

    def declare(self, entries: Mapping[str, Any]) -> None:
        """Reject a principal that this program declares twice, and the creator of the cluster, which EKS gives one."""
        if pulumi.runtime.is_dry_run():
            _creators()[program_state.object_key(self.cluster_arn)] = self.cluster_arn.apply(
                self._creator, run_with_unknowns=True
            )
        for key, entry in entries.items():
            # An entry of pulumi_eks's own class is an object.
            principal = entry["principal_arn"] if isinstance(entry, Mapping) else getattr(entry, "principal_arn", None)
            if principal is not None:
                self._declare(key, principal)

    def _declare(self, key: str, principal: pulumi.Input[str]) -> None:
        under = f"{_OPTION}.{key}.principal_arn"
        claim_in_preview = partial(self._claim, key, program_state.object_key(self.cluster_arn))
        self.inputs.parse(under, principal, claim_in_preview)
        self.inputs.parse(
            under, [self.cluster_arn, principal], lambda both: self._claim(key, str(Arn.parse(both[0])), both[1])
        )
        remove = f"remove {_OPTION}.{key}"
        reject_creator(self.inputs, self.cluster_arn, principal, under, remove)
        parsed = self.inputs.parse(under, principal, Principal.parse)
        instead = f"{remove}, and declare a ClusterAccess with the arn output of {{declared}}"
        reject_literal_of_new_identity(self.inputs, under, parsed, instead)

    def _claim(self, key: str, cluster: str, principal: str) -> None:
        declaration = f"{_OPTION}.{key} of {self.inputs.subject}"
        arn = Principal.parse(principal).aws_auth_arn.lower()
        first = program_state.claim(declaration, AccessMethod.ACCESS_ENTRY, cluster, arn)
        if first != declaration:
            rule = f"must have one access entry in a cluster (EKS), and {first} declares it"
            raise InvalidInput([Problem("", rule, principal, f"remove {_OPTION}.{key}")])

    async def _creator(self, cluster_arn: Any) -> str | None:
        """Return the ARN of the caller, which creates the cluster in this update; None if the cluster exists."""
        if isinstance(cluster_arn, str):
            return None
        try:
            identity = await pulumi.runtime.invoke_async(CALLER, {}, pulumi.InvokeOptions(parent=self.component))
        except Exception as error:  # noqa: BLE001 - Pulumi raises plain Exception for every error of a plugin
            diagnostics.debug(f"cannot get the cluster's creator: {error}", self.component)
            return None
        arn: str | None = (identity or {}).get("arn")
        return arn


def reject_creator(
    inputs: Inputs,
    cluster_arn: Any,
    principal: pulumi.Input[str | Principal],
    under: str,
    fix: str = "set adopt to True",
) -> None:
    """Reject an entry of the principal that creates this cluster in this update: EKS itself creates one for it."""
    creator = _creators().get(program_state.object_key(cluster_arn))
    if creator is None:
        return

    def reject(values: Sequence[Any]) -> None:
        caller = lockout.Caller.of(values[0]) if values[0] else None
        if caller is not None and lockout.same_principal(caller.principal, Principal.of(values[1])):
            rule = "must not be the creator of the cluster, for whom EKS itself creates an access entry"
            instead = f"{fix}: the creator's entry exists once the cluster does"
            raise InvalidInput([Problem("", rule, Principal.of(values[1]).arn, instead)])

    inputs.parse(under, [creator, principal], reject)


def _creators() -> dict[str, pulumi.Output[str | None]]:
    """Return the creator of each cluster of this program, by the identity of the Output of the cluster's ARN."""
    return program_state.per_program("creators", dict)
