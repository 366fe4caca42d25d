"""Commands that fix a finding: complete, with nothing left to fill in."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from eks_access.findings import Fix
from eks_access.graph.aws_objects import Cluster
from eks_access.graph.kubernetes_objects import AwsAuthConfigMap, RbacBinding, RbacRole
from eks_identity.evaluation.rbac import Request
from eks_identity.model.aws_auth import AwsAuth
from eks_identity.model.existing_entries import AssociatedPolicy, ExistingEntry


def command(*arguments: str) -> Fix:
    """Return the fix of one command."""
    return Fix((arguments,))


def together(*fixes: Fix) -> Fix:
    """Return the commands of several fixes, one after the other."""
    return Fix(tuple(line for fix in fixes for line in fix.commands))


def in_account(fix: Fix, account: str, cluster_account: str) -> Fix:
    """Return the fix with the account whose objects it changes, if that is not the cluster's."""
    is_other = bool(cluster_account) and account != cluster_account
    return replace(fix, account=account) if is_other and any(line[0] == "aws" for line in fix.commands) else fix


def advice(text: str) -> Fix:
    """Return a fix that no command can decide."""
    return Fix(advice=text)


def eks(cluster: Cluster, operation: str, *arguments: str) -> Fix:
    """Return a command of `aws eks` for the cluster."""
    return command("aws", "eks", operation, "--region", cluster.region, "--cluster-name", cluster.name, *arguments)


def create_access_entry(cluster: Cluster, arn: str, username: str | None = None, groups: Sequence[str] = ()) -> Fix:
    """Return the command that creates an access entry."""
    more = ["--username", username] if username else []
    more += ["--kubernetes-groups", *groups] if groups else []
    return eks(cluster, "create-access-entry", "--principal-arn", arn, *more)


def delete_access_entry(cluster: Cluster, arn: str) -> Fix:
    """Return the command that deletes an access entry."""
    return eks(cluster, "delete-access-entry", "--principal-arn", arn)


def associate_access_policy(cluster: Cluster, arn: str, policy: AssociatedPolicy) -> Fix:
    """Return the command that associates an access policy, or changes the scope of an associated one."""
    scope = f"type=namespace,namespaces={','.join(policy.namespaces)}" if policy.namespaces else "type=cluster"
    options = ("--principal-arn", arn, "--policy-arn", policy.arn, "--access-scope", scope)
    return eks(cluster, "associate-access-policy", *options)


def update_entry_groups(cluster: Cluster, entry: ExistingEntry, groups: Sequence[str]) -> Fix:
    """Return the command that sets the Kubernetes groups of an access entry."""
    options = ("--principal-arn", entry.principal_arn, "--kubernetes-groups", *groups)
    return eks(cluster, "update-access-entry", *options)


def recreate_access_entry(cluster: Cluster, entry: ExistingEntry, arn: str) -> Fix:
    """Return the commands that delete an access entry and create an equal one for `arn`."""
    # The default username is made from the principal's ARN, and EKS makes it again.
    username = None if entry.principal_arn in entry.username or ":sts:" in entry.username else entry.username
    return together(
        delete_access_entry(cluster, entry.principal_arn),
        create_access_entry(cluster, arn, username, entry.groups),
        *(associate_access_policy(cluster, arn, policy) for policy in entry.policies),
    )


def write_aws_auth(current: AwsAuthConfigMap, changed: AwsAuth) -> Fix:
    """Return the command that writes the changed keys of aws-auth, unless somebody else has written it meanwhile."""
    data: dict[str, str | None] = {
        key: changed.data.get(key)
        for key in {*current.data, *changed.data}
        if current.data.get(key) != changed.data.get(key)
    }
    patch: dict[str, Any] = {"data": data}
    if current.resource_version:
        patch["metadata"] = {"resourceVersion": current.resource_version}
    kubectl = ("kubectl", "-n", "kube-system", "patch", "configmap", "aws-auth", "--type", "merge", "--patch")
    return command(*kubectl, json.dumps(patch))


def patch_binding(binding: RbacBinding, patch: Iterable[Mapping[str, Any]]) -> Fix:
    """Return the command that changes a binding by a JSON patch."""
    return command("kubectl", *_binding(binding, "patch"), "--type", "json", "--patch", json.dumps(list(patch)))


def bind_group(name: str, role_kind: str, role: str, group: str, namespace: str | None) -> Fix:
    """Return the command that binds a role to a group, in a namespace or in the whole cluster."""
    options = (name, f"--{role_kind.lower()}={role}", f"--group={group}")
    if namespace is None:
        return command("kubectl", "create", "clusterrolebinding", *options)
    return command("kubectl", "create", "rolebinding", *options, "--namespace", namespace)


def delete_binding(binding: RbacBinding) -> Fix:
    """Return the command that deletes a binding."""
    return command("kubectl", *_binding(binding, "delete"))


def recreate_binding(binding: RbacBinding, role_kind: str, role_name: str) -> Fix:
    """Return the commands that bind another role to the same subjects: Kubernetes cannot change a binding's role."""
    role = f"--{role_kind.lower()}={role_name}"
    subjects = [
        f"--serviceaccount={subject.namespace}:{subject.name}"
        if subject.kind == "ServiceAccount"
        else f"--{subject.kind.lower()}={subject.name}"
        for subject in binding.subjects
    ]
    return together(
        delete_binding(binding),
        command("kubectl", *_binding(binding, "create"), role, *subjects),
    )


def create_role(name: str, request: Request, namespace: str | None) -> Fix:
    """Return the command that creates a role which allows a request, and nothing else."""
    if request.is_path:
        what = (f"--verb={request.verb}", f"--non-resource-url={request.resource}")
    else:
        resource, slash, subresource = request.resource.partition("/")
        group = f".{request.api_group}" if request.api_group else ""
        what = (f"--verb={request.verb}", f"--resource={resource}{group}{slash}{subresource}")
    if namespace is None:
        return command("kubectl", "create", "clusterrole", name, *what)
    return command("kubectl", "create", "role", name, *what, "--namespace", namespace)


def add_rule(role: RbacRole, request: Request) -> Fix:
    """Return the command that adds a rule for a request to a role."""
    rule: dict[str, list[str]] = {"verbs": [request.verb]}
    if request.is_path:
        rule["nonResourceURLs"] = [request.resource]
    else:
        rule |= {"apiGroups": [request.api_group], "resources": [request.resource]}
    patch: dict[str, Any] = {"op": "add", "path": "/rules/-", "value": rule}
    if not role.rules:
        patch |= {"path": "/rules", "value": [rule]}
    name = ["clusterrole", role.name] if role.namespace is None else ["--namespace", role.namespace, "role", role.name]
    return command("kubectl", "patch", *name, "--type", "json", "--patch", json.dumps([patch]))


def _binding(binding: RbacBinding, verb: str) -> list[str]:
    if binding.namespace is None:
        return [verb, "clusterrolebinding", binding.name]
    return [verb, "--namespace", binding.namespace, "rolebinding", binding.name]
