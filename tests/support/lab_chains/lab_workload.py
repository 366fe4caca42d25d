"""Makes the chain of a workload on a lab equal to one that was made by hand, by the clients aws and kubectl.

The pod runs on a node that was registered by hand, so that the tests decide its platform and its hop limit. No program
runs there: `pod_calls` makes the calls of the pod's AWS SDK.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from functools import cached_property
from typing import Any

from eks_access.graph.aws_objects import PodIdentityAssociation
from eks_access.graph.kubernetes_objects import Node, Pod
from lab.principals import ADMINISTRATOR, OTHER_ADMINISTRATOR, client
from lab.scenarios.clients import LabClients
from support.access_graphs import ACCOUNT
from support.lab_chains.lab_iam import LabIam
from support.workload_chains import (
    CLUSTER,
    ISSUER,
    NAME,
    NAMESPACE,
    NODE_ROLE_ARN,
    OTHER_ACCOUNT,
    POD,
    GraphData,
)

DEPLOYMENT, TEMPLATE = "test-pod", "7d4b9c6f5"
AGENT = "eks-pod-identity-agent"
_QUICK = {"Delay": 0.05, "MaxAttempts": 1200}
_VARIABLES = ("AWS_ROLE_ARN", "AWS_CONTAINER_CREDENTIALS_FULL_URI")


class LabWorkload:
    """The objects of the chain on the cluster `eks-clu`, and in both accounts."""

    def __init__(self, clients: LabClients) -> None:
        self.clients = clients
        self.eks = client(clients.home, "eks")
        self.iam = {
            account: LabIam(client(clients.home, "iam", administrator))
            for account, administrator in ((ACCOUNT, ADMINISTRATOR), (OTHER_ACCOUNT, OTHER_ADMINISTRATOR))
        }
        self._instances: dict[int, str] = {}
        self._node: Node | None = None

    @cached_property
    def _issuer_id(self) -> str:
        cluster = self.eks.describe_cluster(name=CLUSTER)["cluster"]
        return str(cluster["identity"]["oidc"]["issuer"]).rpartition("/")[2]

    def localized(self, value: Any) -> Any:
        """Return data with the id of the cluster's real issuer."""
        if isinstance(value, str):
            return value.replace(ISSUER.rpartition("/")[2], self._issuer_id)
        if isinstance(value, dict):
            return {self.localized(key): self.localized(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(map(self.localized, value))
        if is_dataclass(value) and not isinstance(value, type):
            changes = {each.name: self.localized(getattr(value, each.name)) for each in fields(value)}
            return replace(value, **changes)
        return value

    def make(self, data: GraphData) -> None:
        """Make the lab's chain equal to `data`."""
        data = self.localized(data)
        for account, iam in self.iam.items():
            roles = {arn: role for arn, role in data.principals.items() if _is_own(arn, account)}
            policies = {arn: document for arn, document in data.policies.items() if _is_of(arn, account)}
            providers = [provider for arn, provider in data.providers.items() if _is_of(arn, account)]
            iam.write(roles, policies, providers)
        self._write_node(data.nodes["node-1"])
        self._write_agent(has_agent=data.has_agent)
        if not self._is_as_created(data.pods[POD]):
            seen = data.seen_by_webhook[POD]
            self._write_accounts(seen)
            self._write_associations(seen)
            self.create_pod(data.pods[POD])
            assert self._is_as_created(data.pods[POD]), "the webhook adds other variables than the hand-made pod has"
        self._write_accounts(data)
        self._write_associations(data)
        for iam in self.iam.values():
            iam.delete_others(data.principals, data.policies)

    def create_objects(self) -> None:
        """Create the workload that owns the pod. The lab has no controllers of Deployments: the tests act as them."""
        selector = {"matchLabels": {"app": DEPLOYMENT}}
        template = {"metadata": {"labels": {"app": DEPLOYMENT}}, "spec": _spec(replace(Pod(*POD, NAME), node=""))}
        apps = {"apiVersion": "apps/v1", "spec": {"selector": selector, "template": template}}
        labels = {"app": DEPLOYMENT, "pod-template-hash": TEMPLATE}
        self.kubectl("create", "-f", "-", manifest={**apps, "kind": "Deployment", "metadata": {"name": DEPLOYMENT}})
        replica_set = {**apps, "kind": "ReplicaSet", "metadata": {"name": f"{DEPLOYMENT}-{TEMPLATE}", "labels": labels}}
        self.kubectl("create", "-f", "-", manifest=replica_set)

    def delete_objects(self) -> None:
        """Delete everything that the tests have created."""
        self._write_associations(GraphData())
        self._delete_pod()
        kinds = "deployment,replicaset,serviceaccount"
        names = (DEPLOYMENT, f"{DEPLOYMENT}-{TEMPLATE}", NAME, "other-sa")
        self.kubectl("-n", NAMESPACE, "delete", kinds, *names, "--ignore-not-found")
        self.kubectl("delete", "node", "node-1", "--ignore-not-found")
        self._write_agent(has_agent=True)
        for iam in self.iam.values():
            iam.write({}, {}, [])
            iam.delete_others()
        client(self.clients.home, "ec2").terminate_instances(InstanceIds=list(self._instances.values()))

    def restart(self) -> None:
        """Create the pod again, as the controller of its Deployment does after `kubectl rollout restart`."""
        found = self.pod()
        node_name, host_network = found["spec"]["nodeName"], bool(found["spec"].get("hostNetwork"))
        # The template of a Deployment keeps what the pod had; only the webhook's part changes.
        annotations = found["metadata"].get("annotations") or {}
        self.create_pod(Pod(*POD, NAME, node=node_name, host_network=host_network, annotations=annotations))

    def pod(self) -> Any:
        """Return the manifest of the pod, None if there is none."""
        listed = self.kubectl("-n", NAMESPACE, "get", "pods", "-l", f"app={DEPLOYMENT}", "-o", "json")
        return next(iter(json.loads(listed)["items"]), None)

    def kubectl(self, *arguments: str, manifest: Any = None) -> str:
        """Run kubectl as the cluster's operator, and return its output."""
        done = self.clients.operate(CLUSTER, *arguments, stdin=json.dumps(manifest) if manifest else "")
        assert done.worked, done.stderr
        return done.stdout

    def create_pod(self, pod: Pod) -> None:
        """Replace the pod by one with the platform and the annotations of `pod`."""
        self._delete_pod()
        owner = json.loads(self.kubectl("-n", NAMESPACE, "get", "replicaset", f"{DEPLOYMENT}-{TEMPLATE}", "-o", "json"))
        reference = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": owner["metadata"]["name"],
                     "uid": owner["metadata"]["uid"], "controller": True}  # fmt: skip
        metadata = {
            "name": POD[1],
            "labels": {"app": DEPLOYMENT, "pod-template-hash": TEMPLATE},
            "annotations": dict(pod.annotations),
            "ownerReferences": [reference],
        }
        manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": _spec(pod)}
        self.kubectl("-n", NAMESPACE, "create", "-f", "-", manifest=manifest)

    def _delete_pod(self) -> None:
        options = ("--force", "--grace-period=0", "--ignore-not-found")
        self.kubectl("-n", NAMESPACE, "delete", "pod", POD[1], *options)

    def _is_as_created(self, pod: Pod) -> bool:
        """Return whether the pod on the lab has the variables, the audience and the network of the hand-made one."""
        found = self.pod()
        if found is None:
            return False
        spec = found["spec"]
        variables = {each["name"]: each.get("value") for each in spec["containers"][0].get("env", ())}
        (container,) = pod.containers
        desired = {name: value for name, value in container.environment.items() if name in _VARIABLES}
        return (
            {name: variables[name] for name in _VARIABLES if name in variables} == desired
            and set(pod.token_audiences) == set(audiences(found))
            and bool(spec.get("hostNetwork")) == pod.host_network
            and (found["metadata"].get("annotations") or {}) == dict(pod.annotations)
        )

    def _write_accounts(self, data: GraphData) -> None:
        listed = json.loads(self.kubectl("-n", NAMESPACE, "get", "serviceaccounts", "-o", "json"))["items"]
        current = {
            (NAMESPACE, each["metadata"]["name"]): each["metadata"].get("annotations") or {}
            for each in listed
            if each["metadata"]["name"] != "default"
        }
        for namespace, name in current.keys() - data.accounts.keys():
            self.kubectl("-n", namespace, "delete", "serviceaccount", name)
        for key, account in data.accounts.items():
            if current.get(key) != dict(account.annotations):
                metadata = {"namespace": key[0], "name": key[1], "annotations": dict(account.annotations)}
                manifest = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
                self.kubectl("replace" if key in current else "create", "-f", "-", manifest=manifest)

    def _write_associations(self, data: GraphData) -> None:
        listed = self.eks.list_pod_identity_associations(clusterName=CLUSTER)["associations"]
        existing = {}
        for each in listed:
            key, identifier = (each["namespace"], each["serviceAccount"]), each["associationId"]
            found = self.eks.describe_pod_identity_association(clusterName=CLUSTER, associationId=identifier)
            if key in data.associations and _options(data.associations[key]) == _existing(found["association"]):
                existing[key] = identifier
            else:
                self.eks.delete_pod_identity_association(clusterName=CLUSTER, associationId=identifier)
        for key in data.associations.keys() - existing.keys():
            options = _options(data.associations[key])
            self.eks.create_pod_identity_association(
                clusterName=CLUSTER, namespace=key[0], serviceAccount=key[1], **options
            )

    def _write_node(self, node: Node) -> None:
        if self._node == node:
            return
        self._node = node
        labels = {"kubernetes.io/os": node.operating_system}
        labels |= {"eks.amazonaws.com/compute-type": "fargate"} if node.is_fargate else {}
        instance = self._instance(node.metadata_hop_limit or 1)
        manifest = {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": node.name, "labels": labels},
            "spec": {"providerID": f"aws:///ap-northeast-1a/{instance}"},
        }
        self.kubectl("delete", "node", node.name, "--ignore-not-found")
        self.kubectl("create", "-f", "-", manifest=manifest)

    def _instance(self, hop_limit: int) -> str:
        """Return an EC2 instance with this hop limit."""
        if hop_limit not in self._instances:
            run = client(self.clients.home, "ec2").run_instances(
                ImageId="ami-12c6146b",
                InstanceType="t3.medium",
                MinCount=1,
                MaxCount=1,
                MetadataOptions={"HttpTokens": "required", "HttpPutResponseHopLimit": hop_limit},
            )
            self._instances[hop_limit] = run["Instances"][0]["InstanceId"]
        return self._instances[hop_limit]

    def _write_agent(self, *, has_agent: bool) -> None:
        exists = AGENT in self.eks.list_addons(clusterName=CLUSTER)["addons"]
        if exists and not has_agent:
            self.eks.delete_addon(clusterName=CLUSTER, addonName=AGENT)
            self.eks.get_waiter("addon_deleted").wait(clusterName=CLUSTER, addonName=AGENT, WaiterConfig=_QUICK)
        elif has_agent and not exists:
            self.eks.create_addon(clusterName=CLUSTER, addonName=AGENT)
            self.eks.get_waiter("addon_active").wait(clusterName=CLUSTER, addonName=AGENT, WaiterConfig=_QUICK)


def audiences(pod: Mapping[str, Any]) -> list[str]:
    """Return the audiences of the tokens that the webhook added to a pod: Kubernetes' own token has none."""
    sources = [each for volume in pod["spec"]["volumes"] for each in volume.get("projected", {}).get("sources", ())]
    tokens = [each["serviceAccountToken"] for each in sources if "serviceAccountToken" in each]
    return [token["audience"] for token in tokens if "audience" in token]


def _is_of(arn: str, account: str) -> bool:
    return arn.split(":")[4] == account


def _is_own(arn: str, account: str) -> bool:
    return _is_of(arn, account) and arn != NODE_ROLE_ARN


def _spec(pod: Pod) -> dict[str, Any]:
    return {
        "serviceAccountName": pod.service_account,
        "hostNetwork": pod.host_network,
        "containers": [{"name": "app", "image": "amazon/aws-cli"}],
        **({"nodeName": pod.node} if pod.node else {}),
    }


def _options(association: PodIdentityAssociation) -> dict[str, Any]:
    options = {
        "roleArn": association.role_arn,
        "targetRoleArn": association.target_role_arn,
        "disableSessionTags": association.disable_session_tags,
        "policy": json.dumps(association.session_policy) if association.session_policy else None,
    }
    return {name: value for name, value in options.items() if value is not None}


def _existing(association: Mapping[str, Any]) -> dict[str, Any]:
    names = ("roleArn", "targetRoleArn", "disableSessionTags", "policy")
    found = {name: association.get(name) for name in names}
    return {name: value for name, value in found.items() if value is not None}
