"""Preflight checks of the RBAC objects that a ClusterAccess creates, and of existing roles that it binds.

With server-side apply the vendor's plugin writes over an existing object without an error. If another declaration of
the same stack created that object, the engine then deletes it under the old logical name, and a role that is still
declared is gone. A binding to a role that does not exist is accepted by Kubernetes and allows nothing.
"""

import difflib
from dataclasses import dataclass
from typing import Any

import pulumi

from eks_identity.clusters.preflight import Preflight
from eks_identity.errors import Problem
from eks_identity.model.role_grants import BUILTIN_ROLES, RoleGrant
from eks_identity.runtime import program_state
from eks_identity.runtime.inputs import resolve

RBAC_GROUP = "rbac.authorization.k8s.io"


@dataclass(frozen=True)
class RbacPreflight(Preflight):
    """Queries a cluster's roles and bindings before the engine creates one."""

    def before_role(self, name: str, grant: RoleGrant, namespace: str | None) -> pulumi.ResourceHookBinding:
        """Return the hook that rejects an existing role of that name; `name` is the resource's logical name."""
        return pulumi.ResourceHookBinding(before_create=[self._is_new(name, grant.kind, grant.name, namespace)])

    def before_binding(self, name: str, grant: RoleGrant, namespace: str | None) -> pulumi.ResourceHookBinding:
        """Return the hooks that reject an existing binding, and report a missing role."""
        kind = "RoleBinding" if namespace else "ClusterRoleBinding"
        hooks: list[Any] = [self._is_new(name, kind, grant.binding_name, namespace)]
        # Every cluster has Kubernetes' own ClusterRoles; a role with rules is created by this declaration.
        if grant.rules is None and not (grant.kind == "ClusterRole" and grant.name in BUILTIN_ROLES):
            hooks.append(self._role_exists(name, kind, grant, namespace if grant.kind == "Role" else None))
        return pulumi.ResourceHookBinding(before_create=hooks)

    def _is_new(self, name: str, kind: str, object_name: str, namespace: str | None) -> pulumi.ResourceHook:
        async def reject_existing(hooked: pulumi.ResourceHookArgs) -> None:
            kubeconfig = await resolve(self.cluster["kubeconfig"])
            if kubeconfig is None or hooked.old_inputs is not None:
                return  # the cluster does not exist yet; or the engine replaces this very object
            unverified = f"cannot verify that {kind} {object_name} does not exist yet"
            managers = await self.list_objects(kubeconfig, kind, namespace, unverified=unverified)
            if managers is not None and object_name in managers:
                raise self.error(_exists(kind, object_name, namespace, managers[object_name]))

        return self.hook("rbac-object-is-new", f"kubernetes:{RBAC_GROUP}/v1:{kind}", name, reject_existing)

    def _role_exists(self, name: str, kind: str, grant: RoleGrant, namespace: str | None) -> pulumi.ResourceHook:
        async def report_missing(_hooked: pulumi.ResourceHookArgs) -> None:
            arn, kubeconfig = await resolve(self.cluster["arn"]), await resolve(self.cluster["kubeconfig"])
            if arn is None or kubeconfig is None:
                return  # the cluster does not exist yet
            if program_state.claimed_by("rbac", arn, grant.kind, namespace or "", grant.name) is None:
                await self._report_missing(kubeconfig, grant, namespace)

        return self.hook("bound-role-exists", f"kubernetes:{RBAC_GROUP}/v1:{kind}", name, report_missing)

    async def _report_missing(self, kubeconfig: str, grant: RoleGrant, namespace: str | None) -> None:
        role = f"{grant.kind} {grant.name}" + (f" in namespace {namespace}" if namespace else "")
        unverified = f"cannot verify that {role} exists"
        existing = await self.list_objects(kubeconfig, grant.kind, namespace, unverified=unverified)
        if existing is None or grant.name in existing:
            return
        similar = difflib.get_close_matches(grant.name, existing, n=1)
        fix = f"did you mean {similar[0]}?" if similar else "set its rules here, or create it"
        self.warn(
            f"{role} does not exist, and no ClusterAccess of this program creates it: until it exists, "
            f"{grant.binding_name} allows nothing; {fix}"
        )


def _exists(kind: str, name: str, namespace: str | None, managers: list[str]) -> Problem:
    field = "binding_name" if kind.endswith("Binding") else "name"
    rule = f"must not name an existing {kind}" + (f" in namespace {namespace}" if namespace else "")
    if managers:
        rule += f" (written by {', '.join(managers)})"
    flag = f" -n {namespace}" if namespace else ""
    fix = f"set another {field}; or delete the existing one first: `kubectl delete {kind.lower()} {name}{flag}`"
    if any("pulumi" in manager for manager in managers):
        fix += "; or if this stack created it in a ClusterAccess of another name, pass that name in opts.aliases"
    return Problem(f"rbac_roles[].{field}", rule, name, fix)
