"""Healthy chains of cluster access on both clusters of a lab, which breaks change by the clients aws and kubectl.

| cluster | mode       | eks-ope                | team/deployers, AWSReservedSSO_Ops_… | viewer                      |
|---------|------------|------------------------|--------------------------------------|-----------------------------|
| eks-clu | CONFIG_MAP | aws-auth               | aws-auth                             |                             |
| irsa    | API        | entry with a group     | entry with a group                   | entry with an access policy |

On AWS only IAM Identity Center creates the roles AWSReservedSSO_…, which trust its SAML provider. Those of the lab
trust the account: name and path decide about access.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import yaml

from lab.principals import client
from lab.scenarios.clients import CommandResult, LabClients
from support.access_graphs import arn

BY_AWS_AUTH, BY_ENTRY = "eks-clu", "irsa"
USER, VIEWER = arn("user/eks-ope"), arn("user/viewer")
ROLE = arn("role/team/deployers")
VIEW = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
USERS = f"- userarn: {USER}\n  username: eks-ope\n  groups: [operators]\n"
ROLES = f"- rolearn: {arn('role/deployers')}\n  username: deployer\n  groups: [operators]\n"
SSO_PATH = "/aws-reserved/sso.amazonaws.com/ap-northeast-1/"
SSO, FORMER_SSO = (arn(f"role{SSO_PATH}AWSReservedSSO_Ops_{digits}") for digits in (16 * "1", 16 * "2"))
"""The role of a permission set, and the one that it had before it was provisioned again."""
SSO_ROLES = ROLES.replace("deployers", SSO.rpartition("/")[2]).replace("deployer\n", "ops\n")
CLUSTER_ROLE, BINDING = "test-clu-role", "test-clu-rolebinding"
RULES = [{"apiGroups": [""], "resources": ["pods", "nodes"], "verbs": ["get", "list", "watch"]}]
GROUP = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "operators"}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": arn("root")}, "Action": "sts:AssumeRole"}],
}
_RBAC = {"apiVersion": "rbac.authorization.k8s.io/v1"}
_KINDS = "clusterroles,clusterrolebindings,roles,rolebindings"


class LabAccess:
    """The principals, mappings, entries and bindings of the chains."""

    def __init__(self, clients: LabClients) -> None:
        self.clients = clients
        self.iam, self.eks = client(clients.home, "iam"), client(clients.home, "eks")
        self._data = self.aws_auth(BY_AWS_AUTH)
        self._objects = {cluster: self._names(cluster) for cluster in (BY_AWS_AUTH, BY_ENTRY)}
        self._entries = set(self.eks.list_access_entries(clusterName=BY_ENTRY)["accessEntries"])

    def restore(self, cluster: str) -> None:
        """Make all chains of a cluster healthy again."""
        self.create_principals()
        if cluster == BY_AWS_AUTH:
            self.write_aws_auth(mapUsers=USERS)
        else:
            self.kubectl(cluster, "-n", "kube-system", "delete", "configmap", "aws-auth", "--ignore-not-found")
            self.delete_entries()
            self.create_entry(USER, "operators")
            self.create_entry(ROLE, "operators")
            self.create_entry(SSO, "operators")
            self.create_entry(VIEWER)
            self.associate(VIEWER, VIEW, "default")
        self.delete_objects(cluster)
        self.create(cluster, cluster_role(RULES), binding(GROUP))

    def delete(self) -> None:
        """Delete everything that the tests have created."""
        self.delete_entries()
        self._patch(self._data)
        for cluster in self._objects:
            self.delete_objects(cluster)
        self.kubectl(BY_ENTRY, "-n", "kube-system", "delete", "configmap", "aws-auth", "--ignore-not-found")
        for name in ("eks-ope", "viewer"):
            self.delete_user(name)
        for name in ("deployers", SSO.rpartition("/")[2]):
            self.delete_role(name)

    # IAM

    def create_principals(self) -> None:
        users = {user["Arn"] for user in self.iam.list_users()["Users"]}
        for each in {USER, VIEWER} - users:
            self.iam.create_user(UserName=each.rpartition("/")[2])
        roles = {role["Arn"] for role in self.iam.list_roles()["Roles"]}
        if ROLE not in roles:
            if arn("role/deployers") in roles:
                self.delete_role("deployers")
            self.create_role("/team/")
        if SSO not in roles:
            self.create_sso_role(SSO)

    def create_role(self, path: str, name: str = "deployers") -> None:
        self.iam.create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=json.dumps(TRUST))

    def create_sso_role(self, role_arn: str) -> None:
        """Create a role as IAM Identity Center names it."""
        self.create_role(SSO_PATH, role_arn.rpartition("/")[2])

    def delete_role(self, name: str) -> None:
        self.iam.delete_role(RoleName=name)

    def delete_user(self, name: str) -> None:
        for group in self.iam.list_groups_for_user(UserName=name)["Groups"]:
            self.iam.remove_user_from_group(UserName=name, GroupName=group["GroupName"])
        for key in self.iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:
            self.iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
        self.iam.delete_user(UserName=name)

    # EKS

    def create_entry(self, principal: str, *groups: str) -> None:
        self.eks.create_access_entry(clusterName=BY_ENTRY, principalArn=principal, kubernetesGroups=list(groups))

    def set_groups(self, *groups: str) -> None:
        """Set the groups of the user's access entry."""
        self.eks.update_access_entry(clusterName=BY_ENTRY, principalArn=USER, kubernetesGroups=list(groups))

    def associate(self, principal: str, policy: str, *namespaces: str) -> None:
        scope = {"type": "namespace", "namespaces": list(namespaces)} if namespaces else {"type": "cluster"}
        self.eks.associate_access_policy(
            clusterName=BY_ENTRY, principalArn=principal, policyArn=policy, accessScope=scope
        )

    def disassociate(self, principal: str, policy: str) -> None:
        self.eks.disassociate_access_policy(clusterName=BY_ENTRY, principalArn=principal, policyArn=policy)

    def delete_entry(self, principal: str) -> None:
        self.eks.delete_access_entry(clusterName=BY_ENTRY, principalArn=principal)

    def delete_entries(self) -> None:
        for principal in self.eks.list_access_entries(clusterName=BY_ENTRY)["accessEntries"]:
            if principal not in self._entries:
                self.delete_entry(principal)

    # Kubernetes

    def aws_auth(self, cluster: str) -> dict[str, str]:
        text = self.kubectl(cluster, "-n", "kube-system", "get", "configmap", "aws-auth", "--ignore-not-found",
                            "-o", "json")  # fmt: skip
        return dict(json.loads(text).get("data", {})) if text else {}

    def write_aws_auth(
        self,
        *,
        mapUsers: str | None = USERS,  # noqa: N803 - key of aws-auth
        roles: str = ROLES,
        sso_roles: str = SSO_ROLES,
    ) -> None:
        """Write aws-auth of `eks-clu`: the nodes' own mapping, these roles and these users."""
        self._patch({**self._data, "mapRoles": self._data["mapRoles"] + roles + sso_roles, "mapUsers": mapUsers})

    def _patch(self, data: Mapping[str, str | None]) -> None:
        complete = {key: data.get(key) for key in ("mapRoles", "mapUsers", "mapAccounts")}
        patch = json.dumps({"data": complete})
        self.kubectl(BY_AWS_AUTH, "-n", "kube-system", "patch", "configmap", "aws-auth", "--type", "merge",
                     "--patch", patch)  # fmt: skip

    def delete_objects(self, cluster: str) -> None:
        """Delete the RBAC objects of the chains, and what fixes have created."""
        for each in self._names(cluster) - self._objects[cluster]:
            kind, namespace, name = each.split("|")
            options = ["-n", namespace] if namespace else []
            self.kubectl(cluster, *options, "delete", kind, name)

    def create(self, cluster: str, *manifests: dict[str, Any]) -> None:
        self.kubectl(cluster, "create", "-f", "-", stdin=yaml.safe_dump_all(manifests))

    def replace(self, cluster: str, manifest: dict[str, Any]) -> None:
        """Replace an object; a binding whose role changes is deleted and created."""
        self.kubectl(cluster, "replace", "--force", "-f", "-", stdin=yaml.safe_dump(manifest))

    def kubectl(self, cluster: str, *arguments: str, stdin: str = "") -> str:
        """Run kubectl as the cluster's operator, and return its output."""
        done = self.clients.operate(cluster, *arguments, stdin=stdin)
        assert done.worked, done.stderr
        return done.stdout

    def kubectl_as(self, principal: str, cluster: str, *arguments: str) -> CommandResult:
        """Run kubectl with the credentials of an IAM principal, which get a token from `aws eks get-token`."""
        fresh = LabClients(self.clients.home, self.clients.bin)  # a recreated user has another access key
        kubeconfig = self.clients.environment()["KUBECONFIG"]
        options = (f"--kubeconfig={kubeconfig}", f"--context={cluster}")
        if ":role/" not in principal:
            return fresh.run("kubectl", *options, *arguments, principal=principal)
        # `aws` keeps the session of a role, also after the role was deleted and created again.
        session = client(self.clients.home, "sts").assume_role(RoleArn=principal, RoleSessionName="test")["Credentials"]
        variables = {
            "AWS_ACCESS_KEY_ID": session["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": session["SecretAccessKey"],
            "AWS_SESSION_TOKEN": session["SessionToken"],
        }
        return fresh.run("kubectl", *options, *arguments, **variables)

    def _names(self, cluster: str) -> set[str]:
        path = "{range .items[*]}{.kind}|{.metadata.namespace}|{.metadata.name}{'\\n'}{end}".replace("'", '"')
        return set(self.kubectl(cluster, "get", _KINDS, "-A", "-o", f"jsonpath={path}").split())


def cluster_role(rules: list[Any], **more: Any) -> dict[str, Any]:
    return {**_RBAC, "kind": "ClusterRole", "metadata": {"name": CLUSTER_ROLE}, "rules": rules, **more}


def binding(subject: dict[str, str], role: str = CLUSTER_ROLE, namespace: str | None = None) -> dict[str, Any]:
    kind = "ClusterRoleBinding" if namespace is None else "RoleBinding"
    return {
        **_RBAC,
        "kind": kind,
        "metadata": {"name": BINDING, **({"namespace": namespace} if namespace else {})},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [subject],
    }
