"""Adopts a cluster of a lab as a user would, and inventories of it by the vendors' clients."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lab.lab_dir import LabDir
from lab.principals import client
from lab.scenarios.clients import LabClients
from lab.tools import Tools
from support.lab_project import REGION, LabProject

KINDS = "clusterroles,clusterrolebindings,roles,rolebindings,serviceaccounts"
ROLE_ANNOTATION = "eks.amazonaws.com/role-arn"
_OF_SERVER = ("managedFields", "resourceVersion", "generation")
STATE_ONLY = {"LockoutGuard", "AwsAuthMapping"}
"""Kinds of resources that no plugin imports."""


@dataclass
class Inventory:
    """The identity of a cluster, read with boto3 and kubectl."""

    entries: dict[str, Any]
    associations: list[dict[str, Any]]
    providers: dict[str, Any]
    objects: list[dict[str, Any]]
    aws_auth: dict[str, str]
    roles: dict[str, Any]

    def names(self) -> set[str]:
        """Return each object as `eks-access adopt` names it."""
        found = {f"access entry {arn}" for arn in self.entries}
        found |= {f"IAM OIDC provider {arn}" for arn in self.providers}
        found |= {f"IAM role {arn}" for arn in self.roles}
        for each in self.associations:
            found.add(f"Pod Identity association of {each['namespace']}/{each['serviceAccount']}")
        for key, field in (("mapRoles", "rolearn"), ("mapUsers", "userarn")):
            for index, entry in enumerate(yaml.safe_load(self.aws_auth.get(key, "")) or []):
                found.add(f"{key}[{index}] of ConfigMap kube-system/aws-auth: {entry[field]}")
        return found | set(filter(None, map(_object_name, self.objects)))


def _object_name(each: dict[str, Any]) -> str:
    metadata = each["metadata"]
    name = "/".join(filter(None, (metadata.get("namespace"), metadata["name"])))
    if each["kind"] != "ServiceAccount":
        return f"{each['kind']} {name}"
    return f"service account {name}" if ROLE_ANNOTATION in metadata.get("annotations", {}) else ""


class AdoptedCluster:
    """A cluster, its adoption, and the stack that the adoption is brought into."""

    def __init__(self, home: LabDir, tools: Tools, name: str, folder: Path) -> None:
        self.name, self.folder, self._home, self._tools = name, folder, home, tools
        self._shell = LabProject(home, tools, _new(folder / "shell"))
        self._clients = LabClients(home, tools.bin)
        self.iam, self.eks = client(home, "iam"), client(home, "eks")

    @property
    def issuer(self) -> str:
        """The URL of the cluster's OIDC issuer."""
        issuer: str = self.eks.describe_cluster(name=self.name)["cluster"]["identity"]["oidc"]["issuer"]
        return issuer

    def kubectl(self, *arguments: str) -> str:
        """Run kubectl as the cluster's operator and return its output."""
        done = self._clients.operate(self.name, *arguments)
        assert done.worked, done.stderr
        return done.stdout

    def run_script(self, script: Path) -> None:
        """Run a script whose argument is the name of the cluster and of the kubeconfig's context."""
        kubeconfig = str(self.folder / "kubeconfig")
        update = ("aws", "eks", "update-kubeconfig", "--name", self.name, "--alias", self.name)
        for command in ((*update, "--kubeconfig", kubeconfig), ("bash", str(script), self.name)):
            done = self._shell.run(*command, KUBECONFIG=kubeconfig)
            assert done.returncode == 0, done.stderr

    def eks_access(self, *arguments: object, code: int = 0) -> str:
        """Run eks-access on the cluster, and return its output."""
        command = (sys.executable, "-m", "eks_access", *map(str, arguments))
        done = self._shell.run(*command, "--cluster", self.name, "--region", REGION)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def snapshot(self, name: str) -> Path:
        """Write a snapshot of the cluster and return its file."""
        file = self.folder / f"{name}.json"
        self.eks_access("snapshot", file)
        return file

    def adopt(self, *options: str) -> dict[str, Any]:
        """Adopt the cluster into the folder `adopted` and return the answer."""
        answer = json.loads(self.eks_access("adopt", self.folder / "adopted", "--stack", "dev", *options, "--json"))
        adoption: dict[str, Any] = answer["adoption"]
        return adoption

    def project(self, folder: Path | None = None) -> LabProject:
        """Return the stack `dev` of the adopted project, or of another one."""
        return LabProject(self._home, self._tools, folder or self.folder / "adopted")

    def inventory(self) -> Inventory:
        """Return the identity of the cluster as the vendors' clients see it."""
        on = {"clusterName": self.name}
        entries = {}
        if self.eks.describe_cluster(name=self.name)["cluster"]["accessConfig"] != _CONFIG_MAP:
            for arn in self.eks.list_access_entries(**on)["accessEntries"]:
                policies = self.eks.list_associated_access_policies(**on, principalArn=arn)["associatedAccessPolicies"]
                entries[arn] = [self.eks.describe_access_entry(**on, principalArn=arn)["accessEntry"], policies]
        associations = [
            self.eks.describe_pod_identity_association(**on, associationId=each["associationId"])["association"]
            for each in self.eks.list_pod_identity_associations(**on)["associations"]
        ]
        providers = {
            each["Arn"]: _result(self.iam.get_open_id_connect_provider(OpenIDConnectProviderArn=each["Arn"]))
            for each in self.iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
        }
        objects = [_stable(each) for each in json.loads(self.kubectl("get", KINDS, "-A", "-o", "json"))["items"]]
        arns = {each["metadata"].get("annotations", {}).get(ROLE_ANNOTATION) for each in objects}
        arns |= {each["roleArn"] for each in associations}
        return Inventory(
            entries,
            associations,
            providers,
            objects,
            json.loads(self.kubectl("get", "configmap", "aws-auth", "-n", "kube-system", "-o", "json"))["data"],
            {arn: self._role(arn) for arn in sorted(filter(None, arns))},
        )

    def _role(self, arn: str) -> list[Any]:
        name = {"RoleName": arn.rpartition("/")[2]}
        inline = self.iam.list_role_policies(**name)["PolicyNames"]
        documents = [_result(self.iam.get_role_policy(**name, PolicyName=each)) for each in inline]
        role = self.iam.get_role(**name)["Role"]
        role.pop("RoleLastUsed", None)
        return [role, self.iam.list_attached_role_policies(**name)["AttachedPolicies"], documents]


_CONFIG_MAP = {"authenticationMode": "CONFIG_MAP"}


def adopt_without_a_change(
    cluster: AdoptedCluster, adoption: dict[str, Any], project: LabProject
) -> tuple[set[str], dict[str, str]]:
    """Bring an adoption into a stack; return the declared objects, and the reasons of the others.

    Raises `AssertionError` if an object of the inventory is neither, if the first update or the next preview changes
    something, or if access before and after differs.
    """
    before, snapshot = cluster.inventory(), cluster.snapshot("before")
    declared = {name for each in adoption["declarations"] for name in each["objects"]}
    reasons = {each["object"]: each["reason"] for each in adoption["not_adopted"]}
    assert before.names() - declared - reasons.keys() == set()
    assert declared & reasons.keys() == set()
    file = str(cluster.folder / "adopted" / "import.json")
    project.run("pulumi", "stack", "init", project.stack_name, "--cwd", str(project.folder))
    project.pulumi("import", "--file", file, "--protect=false", "--generate-code=false", "--yes", "--skip-preview")
    for operation, kind, changes in _steps(project):
        if kind == "Role":
            assert (operation, changes) == ("update", ["forceDetachPolicies"])
        else:
            assert operation == "create"
            assert kind in STATE_ONLY
    project.pulumi("up", "--yes", "--skip-preview")
    project.pulumi("preview", "--expect-no-changes")
    assert "no change of access" in cluster.eks_access("diff", snapshot, "live")
    assert cluster.inventory() == before
    return declared, reasons


def _steps(project: LabProject) -> list[tuple[str, str, list[str]]]:
    """Return operation, kind and changed inputs of each step of a preview that changes something."""
    document = json.loads(project.pulumi("preview", "--json"))
    return [
        (step["op"], step["urn"].split("::")[2].rpartition(":")[2], sorted(step.get("detailedDiff") or {}))
        for step in document["steps"]
        if step["op"] not in {"same", "read"}
    ]


def _stable(each: dict[str, Any]) -> dict[str, Any]:
    """Return an object without what the API server writes whenever somebody applies it, changed or not."""
    metadata = {key: value for key, value in each["metadata"].items() if key not in _OF_SERVER}
    return {**each, "metadata": metadata}


def _result(response: dict[str, Any]) -> dict[str, Any]:
    """Return a response of AWS without its HTTP headers."""
    return {key: value for key, value in response.items() if key != "ResponseMetadata"}


def _new(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder
