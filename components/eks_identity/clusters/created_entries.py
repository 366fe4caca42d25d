"""Access entries that come with a new cluster: those of `create.access_entries`, and its creator's own.

EKS has one access entry for a principal. These are created with the cluster, so that no preview can see them in EKS: a
second one would fail in the update, after the cluster was created.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pulumi

from eks_identity.errors import InvalidInput, Problem
from eks_identity.model import lockout
from eks_identity.model.access_entries import AccessMethod
from eks_identity.model.arns import Arn, Principal
from eks_identity.runtime import diagnostics, program_state
from eks_identity.runtime.args_validation import is_output
from eks_identity.runtime.inputs import Inputs

CALLER = "aws:index/getCallerIdentity:getCallerIdentity"
_OPTION = "create.access_entries"


@dataclass(frozen=True)
class CreatedEntries:
    """Those of one cluster that `component` creates; its ARN is not known in that preview."""

    inputs: Inputs
    component: pulumi.ComponentResource
    cluster_arn: pulumi.Output[str]

    def declare(self, entries: Any) -> None:
        """Reject a principal that this program declares twice, or that creates the cluster and so has an entry."""
        if pulumi.runtime.is_dry_run():
            _creators()[program_state.object_key(self.cluster_arn)] = self.cluster_arn.apply(
                self._creator, run_with_unknowns=True
            )
        if is_output(entries):
            self.inputs.parse("", entries, self._declare_all)
        else:
            self._declare_all(entries)

    def _declare_all(self, entries: Any) -> None:
        for key, principal in _principals(entries):
            self._declare(key, principal)

    def _declare(self, key: str, principal: pulumi.Input[str]) -> None:
        under = f"{_OPTION}.{key}.principal_arn"
        in_preview = partial(self._once, key, program_state.object_key(self.cluster_arn))
        self.inputs.parse(under, principal, in_preview)
        self.inputs.parse(
            under, [self.cluster_arn, principal], lambda both: self._once(key, str(Arn.parse(both[0])), both[1])
        )
        reject_creator(self.inputs, self.cluster_arn, principal, under, f"remove {_OPTION}.{key}")

    def _once(self, key: str, cluster: str, principal: str) -> None:
        place = f"{_OPTION}.{key} of {self.inputs.subject}"
        who = Principal.parse(principal).aws_auth_arn.lower()
        first = program_state.claim(place, AccessMethod.ACCESS_ENTRY, cluster, who)
        if first != place:
            rule = f"must have one access entry in a cluster (EKS), and {first} declares it"
            raise InvalidInput([Problem("", rule, principal, f"remove {_OPTION}.{key}")])

    async def _creator(self, cluster_arn: Any) -> str | None:
        """The ARN of the caller who creates the cluster in this update; None where the cluster exists."""
        if isinstance(cluster_arn, str):
            return None
        try:
            found = await pulumi.runtime.invoke_async(CALLER, {}, pulumi.InvokeOptions(parent=self.component))
        except Exception as error:  # noqa: BLE001 - Pulumi raises plain Exception for whatever a plugin says
            diagnostics.debug(f"cannot see who creates the cluster: {error}", self.component)
            return None
        arn: str | None = (found or {}).get("arn")
        return arn


def reject_creator(
    inputs: Inputs,
    cluster_arn: Any,
    principal: pulumi.Input[str | Principal],
    under: str,
    instead: str = "set adopt to True",
) -> None:
    """Reject an entry of the principal who creates this cluster in this update: EKS gives them one by itself."""
    creator = _creators().get(program_state.object_key(cluster_arn))
    if creator is None:
        return

    def refuse(found: Sequence[Any]) -> None:
        caller = lockout.Caller.of(found[0]) if found[0] else None
        if caller is not None and lockout.same_principal(caller.principal, Principal.of(found[1])):
            rule = "must not be the creator of the cluster, for whom EKS itself creates an access entry"
            fix = f"{instead}: the creator's entry exists once the cluster does"
            raise InvalidInput([Problem("", rule, Principal.of(found[1]).arn, fix)])

    inputs.parse(under, [creator, principal], refuse)


def _creators() -> dict[str, pulumi.Output[str | None]]:
    """The creator of each cluster of this program, by the identity of the Output of its ARN."""
    return program_state.per_program("creators", dict)


def _principals(entries: Any) -> list[tuple[str, Any]]:
    """The principal of each entry by its key, in the form of Python or of other languages."""
    found = []
    for key, entry in entries.items() if isinstance(entries, Mapping) else ():
        if isinstance(entry, Mapping):
            found.append((key, entry.get("principal_arn", entry.get("principalArn"))))
        else:
            found.append((key, getattr(entry, "principal_arn", None)))
    return [(key, principal) for key, principal in found if principal is not None]
