"""What is there already of a way in: an access entry that would be a 409, and the other way in, which wins or loses.

Asked where the engine is about to make an entry or a mapping. A second entry is refused; of an entry and a mapping that
say different things EKS takes the entry, and nobody would say so.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import pulumi

from eks_identity.clusters import provider_account
from eks_identity.clusters.connections import ClusterConnection
from eks_identity.errors import Problem
from eks_identity.model.access_entries import AuthenticationMode
from eks_identity.model.arns import Principal
from eks_identity.model.aws_auth import AwsAuth, Entry
from eks_identity.runtime import diagnostics, invoke
from eks_identity.runtime.inputs import InvalidInputError, known
from eks_identity.runtime.query_cache import QueryCache
from eks_identity.runtime.resource_hooks import Child, hook

LOOK_UP = "aws:eks/getAccessEntry:getAccessEntry"
ENTRY = "aws:eks/accessEntry:AccessEntry"
ADOPT_IT = (
    "set adopt to True: it is then taken over as it stands, and changed in place; where it is this declaration's own "
    "under another name, give that name in opts.aliases instead"
)


@dataclass(frozen=True)
class ExistingAccess:
    """The ways into one cluster that are there before those of one declaration."""

    component: pulumi.Resource
    place: str
    """The component, as messages call it."""
    cluster: ClusterConnection
    cache: QueryCache

    def of_entry(self, name: str, *, beside_a_mapping: bool) -> pulumi.ResourceHookBinding:
        """What the engine runs before it makes the access entry `name`; `beside_a_mapping` of the same declaration."""

        async def look(hooked: pulumi.ResourceHookArgs) -> None:
            new = hooked.new_inputs or {}
            cluster, principal = new.get("clusterName"), new.get("principalArn")
            if not isinstance(cluster, str) or not isinstance(principal, str) or not principal.startswith("arn:"):
                return
            found = await self._entry(cluster, principal)
            # An entry of another type is the one that a preview would replace.
            if found is not None and (found.get("type") == new.get("type") or not pulumi.runtime.is_dry_run()):
                rule = f"a principal has one access entry in a cluster (EKS), and {cluster} has: {_said(found)}"
                raise InvalidInputError([Problem("principals", rule, principal, ADOPT_IT)], subject=self.place)
            if not beside_a_mapping and new.get("kubernetesGroups") is not None:
                await self._report_mapping(cluster, principal, new)

        return pulumi.ResourceHookBinding(before_create=[hook("access-entry-is-new", self._child(ENTRY, name), look)])

    def of_mapping(self, name: str, type_: str, principal: pulumi.Input[str]) -> pulumi.ResourceHookBinding:
        """What the engine runs before it makes the aws-auth mapping `name` of `principal`, a resource of this type."""

        async def look(hooked: pulumi.ResourceHookArgs) -> None:
            new = hooked.new_inputs or {}
            cluster, arn = await known(self.cluster["name"]), await known(principal)
            if cluster is None or arn is None or not isinstance(new.get("arn"), str) or not await self._reads_both():
                return  # not known yet, or secret
            found = await self._entry(cluster, arn)
            if found is not None and not _alike(found, new.get("username"), new.get("groups")):
                diagnostics.warn(
                    f"{self.place}: {arn} has an access entry in {cluster} ({_said(found)}), and EKS takes that: the "
                    "mapping in aws-auth that is declared here does nothing; use access_method access-entry, or "
                    "delete the entry",
                    self.component,
                )

        return pulumi.ResourceHookBinding(before_create=[hook("mapping-counts", self._child(type_, name), look)])

    def of_guard(self, name: str, type_: str) -> pulumi.ResourceHookBinding:
        """Report at preview what the guard `name` cannot read. The engine calls this before it creates the guard."""

        async def look(_hooked: pulumi.ResourceHookArgs) -> None:
            cluster, kubeconfig = await known(self.cluster["arn"]), await known(self.cluster["kubeconfig"])
            if kubeconfig is not None or cluster is None or not pulumi.runtime.is_dry_run():
                return  # a cluster that is still to be created has nobody to lock out
            mode = await known(self.cluster["authentication_mode"])
            parts = "RBAC is" if mode == AuthenticationMode.API else "aws-auth and RBAC are"
            diagnostics.warn(
                f"{self.place}: the kubeconfig of {await known(self.cluster['name'])} is not known in this preview, so "
                f"{parts} not evaluated: whether this locks out the caller or the last administrator there is "
                "evaluated in the update, after its entries are created",
                self.component,
            )

        return pulumi.ResourceHookBinding(before_create=[hook("guard-reads-all", self._child(type_, name), look)])

    def _child(self, type_: str, name: str) -> Child:
        return Child(self.component, type_, name)

    async def _entry(self, cluster: str, principal: str) -> Mapping[str, Any] | None:
        unseen = f"cannot see whether {principal} has an access entry in {cluster}"
        caller = await provider_account.caller_of(self.component.get_provider(LOOK_UP))
        account = await known(self.cluster["account_id"])
        if caller is not None and account not in {None, caller.account}:
            # A mapping needs no aws provider; an entry's component was rejected with this one.
            diagnostics.warn(f"{unseen}: the aws provider is of account {caller.account}", self.component)
            return None
        asked = {"clusterName": cluster, "principalArn": principal, "region": await known(self.cluster["region"])}
        try:
            return await invoke.invoke_or_none(LOOK_UP, asked, self.component)
        except invoke.InvokeError as error:
            diagnostics.warn(f"{unseen}: {error}", self.component)
            return None

    async def _report_mapping(self, cluster: str, principal: str, new: Mapping[str, Any]) -> None:
        kubeconfig = await known(self.cluster["kubeconfig"])
        if kubeconfig is None or not await self._reads_both():
            return
        aws_auth: AwsAuth | None = await self.cache.get(
            (kubeconfig, "aws-auth"),
            "all of it",
            partial(_read, kubeconfig),
            on_error=f"cannot see whether {principal} is mapped in aws-auth of {cluster}",
            resource=self.component,
        )
        mapped = aws_auth.find(Principal.parse(principal).aws_auth_arn) if aws_auth is not None else ()
        # Of several entries the authenticator takes the last one.
        if mapped and not _alike(_as_found(mapped[-1]), new.get("userName"), new.get("kubernetesGroups")):
            diagnostics.warn(
                f"{self.place}: {principal} is mapped in aws-auth of {cluster} too (username {mapped[-1].username!r}, "
                f"groups {list(mapped[-1].groups)}), and EKS takes the entry that is declared here: that mapping "
                "does nothing any more; take it out of aws-auth, and give here what it gave",
                self.component,
            )

    async def _reads_both(self) -> bool:
        return await known(self.cluster["authentication_mode"]) == AuthenticationMode.API_AND_CONFIG_MAP


def _read(kubeconfig: str) -> AwsAuth:
    from eks_identity.access.aws_auth_config_map import AwsAuthConfigMap  # noqa: PLC0415 - as above
    from eks_identity.clients import kubernetes_api  # noqa: PLC0415 - as above

    try:
        return AwsAuthConfigMap(kubeconfig).read()
    except kubernetes_api.FAILURES as error:  # of making a client: an authority that is none
        raise kubernetes_api.explained(error, f"no client of the cluster: {error}", "in") from error


def _as_found(mapped: Entry) -> Mapping[str, Any]:
    return {"userName": mapped.username, "kubernetesGroups": list(mapped.groups)}


def _alike(found: Mapping[str, Any], username: Any, groups: Any) -> bool:
    """Whether both ways in give the same: then it does not matter which of them counts."""
    theirs, ours = (
        sorted(each) if isinstance(each, list) else each for each in (found.get("kubernetesGroups"), groups)
    )
    return found.get("userName") == username and (theirs or []) == (ours or [])


def _said(found: Mapping[str, Any]) -> str:
    groups = list(found.get("kubernetesGroups") or [])
    return f"type {found.get('type')}, username {found.get('userName')!r}, groups {groups}"
