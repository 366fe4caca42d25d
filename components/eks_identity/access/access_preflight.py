"""Preflight checks of access entries and aws-auth mappings, before the engine creates one.

EKS has one access entry for each principal of a cluster, and answers a second CreateAccessEntry with a 409. Of an entry
and a mapping of one principal EKS reads the entry, without an error.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import pulumi

from eks_identity import clients
from eks_identity.clusters import provider_account
from eks_identity.clusters.preflight import Preflight
from eks_identity.errors import Problem
from eks_identity.model.access_entries import AuthenticationMode
from eks_identity.model.arns import Principal
from eks_identity.model.aws_auth import AwsAuth, Entry
from eks_identity.runtime import invoke
from eks_identity.runtime.inputs import resolve

GET_ACCESS_ENTRY: Final = "aws:eks/getAccessEntry:getAccessEntry"
ACCESS_ENTRY: Final = "aws:eks/accessEntry:AccessEntry"
_ADOPT = (
    "set adopt to True: the existing entry is adopted and changed in place; if this declaration created it under "
    "another name, pass that name in opts.aliases instead"
)


@dataclass(frozen=True)
class AccessPreflight(Preflight):
    """Queries a cluster's access entries and aws-auth before the engine creates those of one declaration."""

    def before_entry(self, name: str, *, has_mapping: bool) -> pulumi.ResourceHookBinding:
        """Return the hook that rejects an existing access entry, and reports a mapping with other groups.

        `has_mapping`: the declaration has a mapping of its own for the principal.
        """

        async def reject_existing(hooked: pulumi.ResourceHookArgs) -> None:
            new = hooked.new_inputs or {}
            cluster, principal = new.get("clusterName"), new.get("principalArn")
            if not isinstance(cluster, str) or not isinstance(principal, str) or not principal.startswith("arn:"):
                return
            entry = await self._get_entry(cluster, principal)
            # At preview an existing entry of another type is the one that the engine will replace.
            if entry is not None and (entry.get("type") == new.get("type") or not pulumi.runtime.is_dry_run()):
                rule = (
                    f"must have no access entry in {cluster} yet (EKS has one a principal); existing: {_shown(entry)}"
                )
                interrupted = (
                    f"if an interrupted update of this stack created it, delete it: run `aws eks delete-access-entry "
                    f"--cluster-name {cluster} --principal-arn {principal}`, and update again"
                )
                raise self.error(Problem("principals", rule, principal, f"{_ADOPT}; {interrupted}"))
            if not has_mapping and new.get("kubernetesGroups") is not None:
                await self._report_mapping(cluster, principal, new)

        return pulumi.ResourceHookBinding(
            before_create=[self.hook("access-entry-is-new", ACCESS_ENTRY, name, reject_existing)]
        )

    def before_mapping(self, name: str, type_: str, principal: pulumi.Input[Principal]) -> pulumi.ResourceHookBinding:
        """Return the hook that reports an access entry that EKS will read in place of the mapping `name`."""

        async def report_entry(hooked: pulumi.ResourceHookArgs) -> None:
            new = hooked.new_inputs or {}
            cluster, mapped = await resolve(self.cluster["name"]), await resolve(principal)
            if cluster is None or mapped is None or not isinstance(new.get("arn"), str):
                return  # not resolved yet, or secret
            if not await self._reads_both():
                return
            entry = await self._get_entry(cluster, mapped.arn)
            if entry is not None and not _is_same(entry, new.get("username"), new.get("groups")):
                self.warn(
                    f"{mapped.arn} has an access entry in {cluster} ({_shown(entry)}), which EKS reads: the aws-auth "
                    "mapping declared here has no effect; set access_method to access-entry, or delete the entry"
                )

        return pulumi.ResourceHookBinding(before_create=[self.hook("mapping-has-effect", type_, name, report_entry)])

    def before_guard(self, name: str, type_: str) -> pulumi.ResourceHookBinding:
        """Return the hook that reports at preview what the lockout guard `name` cannot read."""

        async def report_unread(_hooked: pulumi.ResourceHookArgs) -> None:
            cluster, kubeconfig = await resolve(self.cluster["arn"]), await resolve(self.cluster["kubeconfig"])
            if kubeconfig is not None or cluster is None or not pulumi.runtime.is_dry_run():
                return  # no principal can lose access to a cluster that does not exist yet
            mode = await resolve(self.cluster["authentication_mode"])
            parts = "RBAC is" if mode == AuthenticationMode.API else "aws-auth and RBAC are"
            self.warn(
                f"the kubeconfig of {await resolve(self.cluster['name'])} is not known in this preview, so {parts} not "
                "evaluated: the update evaluates after it creates the entries whether the caller or the last "
                "administrator loses access"
            )

        return pulumi.ResourceHookBinding(before_create=[self.hook("guard-reads-all", type_, name, report_unread)])

    async def _get_entry(self, cluster: str, principal: str) -> Mapping[str, Any] | None:
        unverified = f"cannot verify whether {principal} has an access entry in {cluster}"
        caller = await provider_account.get_caller(self.component.get_provider(GET_ACCESS_ENTRY))
        account = await resolve(self.cluster["account_id"])
        if caller is not None and account not in {None, caller.account}:
            # A mapping needs no aws provider. An access entry's component was rejected with this provider.
            self.warn(f"{unverified}: the aws provider is of account {caller.account}")
            return None
        args = {"clusterName": cluster, "principalArn": principal, "region": await resolve(self.cluster["region"])}
        try:
            return await invoke.invoke_or_none(GET_ACCESS_ENTRY, args, self.component)
        except invoke.InvokeError as error:
            self.warn(f"{unverified}: {error}")
            return None

    async def _report_mapping(self, cluster: str, principal: str, new: Mapping[str, Any]) -> None:
        kubeconfig = await resolve(self.cluster["kubeconfig"])
        if kubeconfig is None or not await self._reads_both():
            return
        unverified = f"cannot verify whether {principal} is mapped in aws-auth of {cluster}"
        endpoint = (kubeconfig, "aws-auth")
        aws_auth: AwsAuth | None = await self.query(endpoint, None, partial(_read, kubeconfig), unverified=unverified)
        entries = aws_auth.find(Principal.parse(principal).aws_auth_arn) if aws_auth is not None else ()
        # Of several entries the authenticator keeps the last one.
        if entries and not _is_same(_fields(entries[-1]), new.get("userName"), new.get("kubernetesGroups")):
            self.warn(
                f"{principal} is also mapped in aws-auth of {cluster} (username {entries[-1].username!r}, groups "
                f"{list(entries[-1].groups)}), and EKS reads the access entry declared here: that mapping will have no "
                "effect; remove it from aws-auth, and set its groups here if they are still needed"
            )

    async def _reads_both(self) -> bool:
        return await resolve(self.cluster["authentication_mode"]) == AuthenticationMode.API_AND_CONFIG_MAP


def _read(kubeconfig: str) -> AwsAuth:
    try:
        return clients.AwsAuthConfigMap(kubeconfig).read()
    except clients.CLIENT_ERRORS as error:  # no client, for example for an invalid certificate authority
        raise clients.cluster_error(error, f"no client of the cluster: {error}", "in") from error


def _fields(entry: Entry) -> Mapping[str, Any]:
    return {"userName": entry.username, "kubernetesGroups": list(entry.groups)}


def _is_same(existing: Mapping[str, Any], username: Any, groups: Any) -> bool:
    """Return whether both access methods give the same username and groups: then either may be read."""
    theirs, ours = (
        sorted(each) if isinstance(each, list) else each for each in (existing.get("kubernetesGroups"), groups)
    )
    return existing.get("userName") == username and (theirs or []) == (ours or [])


def _shown(entry: Mapping[str, Any]) -> str:
    groups = list(entry.get("kubernetesGroups") or [])
    return f"type {entry.get('type')}, username {entry.get('userName')!r}, groups {groups}"
