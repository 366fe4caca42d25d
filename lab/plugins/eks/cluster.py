"""eks.Cluster: the resources of the official component, for the covered options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pulumi

from lab.plugins.eks.access import access_entries, aws_auth_data
from lab.plugins.eks.auto_mode import CLUSTER_POLICIES, auto_mode_inputs, auto_node_role, is_auto
from lab.plugins.eks.children import ServiceRole, VpcCniAddon, addon, sorted_json
from lab.plugins.eks.control_plane import control_plane
from lab.plugins.eks.fargate import fargate_profile
from lab.plugins.eks.kubeconfig import with_credentials
from lab.plugins.eks.options import check_cluster, reads_access_entries, reads_config_map
from lab.plugins.eks.resources import Resource, invoke, provider
from lab.plugins.eks.security_groups import cluster_security_group, node_security_group
from lab.plugins.eks.storage_classes import storage_classes

_NODE_POLICIES: Final = ("AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy", "AmazonEC2ContainerRegistryReadOnly")


class Cluster(pulumi.ComponentResource):
    """A cluster with its roles, security groups, add-ons and cluster access.

    `state` has the outputs, by their names in the official schema.
    """

    def __init__(self, name: str, arguments: Mapping[str, Any], options: pulumi.ResourceOptions) -> None:
        check_cluster(name, arguments)
        super().__init__("eks:index:Cluster", name, {}, options)
        self._name = name
        self._arguments = arguments
        self._own = pulumi.ResourceOptions(parent=self)
        self._created_role: ServiceRole | None = None
        partition = invoke("aws:index/getPartition:getPartition", {}, self)
        self._partition = partition.apply(lambda result: result["partition"])
        self._dns_suffix = partition.apply(lambda result: result["dnsSuffix"])
        self.state: dict[str, Any] = self._register()
        self.register_outputs(self.state)

    def _register(self) -> dict[str, Any]:
        name, arguments, mode = self._name, self._arguments, self._arguments.get("authenticationMode")
        vpc_id, subnet_ids = self._network()
        service_role = self._service_role()
        group = self._cluster_group(vpc_id)
        service = self._dns_suffix.apply(lambda suffix: f"ec2.{suffix}")
        auto_role = auto_node_role(name, arguments, service, self._partition, self)
        cluster = self._cluster(service_role, auto_role, group, subnet_ids)
        self._addon("kube-proxy", "kubeProxyAddonOptions", cluster, self._own, default=not is_auto(arguments))
        attributes = {key: cluster.output(key) for key in ("name", "arn", "endpoint", "certificateAuthority")}
        credentials = arguments.get("providerCredentialOpts")
        settings: dict[str, Any] = {
            "kubeconfig": with_credentials(attributes, credentials, profile=True).apply(pulumi.Output.json_dumps),
        }
        if "enableConfigMapMutable" in arguments:
            settings["enableConfigMapMutable"] = pulumi.Output.from_input(
                arguments["enableConfigMapMutable"],
            ).apply(lambda on: "true" if on else "false")
        kubernetes = provider("kubernetes", f"{name}-eks-k8s", settings, self)
        instance_roles, default_role = self._instance_roles()
        config_map = self._aws_auth(instance_roles, kubernetes) if reads_config_map(mode) else None
        entries = self._access_entries(cluster, default_role) if reads_access_entries(mode) else []
        access = [*entries, *([config_map] if config_map else [])]
        in_cluster = pulumi.ResourceOptions(parent=self, provider=kubernetes, depends_on=access)
        classes = storage_classes(name, arguments.get("storageClasses"), in_cluster)
        vpc_cni = self._vpc_cni(cluster, kubernetes, access)
        after_map = pulumi.ResourceOptions(parent=self, depends_on=[config_map] if config_map else [])
        profile = fargate_profile(name, arguments, cluster, subnet_ids, self._partition, after_map)
        self._coredns(cluster, profile)
        node_group, ingress_rule = self._node_group(vpc_id, cluster, group)
        config = with_credentials(attributes, credentials, profile=False)
        issuer = cluster.output("identities").apply(lambda identities: identities[0]["oidcs"][0]["issuer"])
        default_group_id = cluster.output("vpcConfig").apply(lambda config: config["clusterSecurityGroupId"])
        core = {
            "accessEntries": list((arguments.get("accessEntries") or {}).values()),
            "cluster": cluster,
            "clusterIamRole": service_role,
            "clusterSecurityGroup": group,
            "eksNodeAccess": config_map,
            "endpoint": cluster.output("endpoint"),
            "fargateProfile": profile,
            "instanceRoles": instance_roles,
            "kubeconfig": config,
            "nodeGroupOptions": {
                "nodeSecurityGroup": node_group,
                "clusterIngressRule": ingress_rule,
                "version": arguments.get("version"),
            },
            "nodeSecurityGroupTags": arguments.get("nodeSecurityGroupTags"),
            "privateSubnetIds": arguments.get("privateSubnetIds"),
            "provider": kubernetes,
            "publicSubnetIds": arguments.get("publicSubnetIds"),
            "storageClasses": classes,
            "subnetIds": subnet_ids,
            "tags": arguments.get("tags"),
            "vpcCni": vpc_cni,
            "vpcId": vpc_id,
        }
        return {
            "autoModeNodeRoleName": auto_role.role.output("name") if auto_role else "",
            "clusterIngressRuleId": ingress_rule.output("securityGroupRuleId") if ingress_rule else "",
            "clusterSecurityGroup": group,
            "clusterSecurityGroupId": group.id if group else default_group_id,
            "core": {key: value for key, value in core.items() if value is not None},
            "defaultNodeGroupAsgName": "",
            "eksCluster": cluster,
            "eksClusterIngressRule": ingress_rule,
            "fargateProfileId": profile.id if profile else "",
            "fargateProfileStatus": profile.output("status") if profile else "",
            "instanceRoles": instance_roles,
            "kubeconfig": config,
            "kubeconfigJson": pulumi.Output.json_dumps(config),
            "nodeSecurityGroup": node_group,
            "nodeSecurityGroupId": node_group.id if node_group else default_group_id,
            "oidcIssuer": issuer.apply(lambda url: url.removeprefix("https://")),
            "oidcProviderArn": "",
            "oidcProviderUrl": issuer,
        }

    def _network(self) -> tuple[Any, Any]:
        """Return the VPC and the cluster's subnets: the configured ones, or those of the default VPC."""
        arguments = self._arguments
        vpc_id: Any = arguments.get("vpcId")
        subnet_ids: Any = []
        if vpc_id is None:
            vpc_id = invoke("aws:ec2/getVpc:getVpc", {"default": True}, self).apply(lambda vpc: vpc["id"])
            query = {"filters": [{"name": "vpc-id", "values": [vpc_id]}]}
            subnet_ids = invoke("aws:ec2/getSubnets:getSubnets", query, self).apply(lambda subnets: subnets["ids"])
        if "subnetIds" in arguments:
            subnet_ids = arguments["subnetIds"]
        elif arguments.keys() & {"publicSubnetIds", "privateSubnetIds"}:
            both = [arguments.get("publicSubnetIds") or [], arguments.get("privateSubnetIds") or []]
            subnet_ids = pulumi.Output.from_input(both).apply(lambda ids: [*ids[0], *ids[1]])
        return vpc_id, subnet_ids

    def _service_role(self) -> Any:
        existing_role = self._arguments.get("serviceRole")
        if existing_role is not None:
            return existing_role
        self._created_role = ServiceRole(
            f"{self._name}-eksRole",
            "eks.amazonaws.com",
            ("AmazonEKSClusterPolicy", *(CLUSTER_POLICIES if is_auto(self._arguments) else ())),
            self._partition,
            self,
            description="Allows EKS to manage clusters on your behalf.",
            tags=self._arguments.get("tags"),
            actions=("sts:AssumeRole", "sts:TagSession"),
        )
        return self._created_role.role

    def _cluster_group(self, vpc_id: Any) -> Any:
        arguments = self._arguments
        if "clusterSecurityGroup" in arguments:
            return arguments["clusterSecurityGroup"]
        if self._skips_security_groups:
            return None
        own = arguments.get("clusterSecurityGroupTags")
        return cluster_security_group(self._name, vpc_id, arguments.get("tags"), own, self)

    @property
    def _skips_security_groups(self) -> bool:
        return bool(self._arguments.get("skipDefaultSecurityGroups", is_auto(self._arguments)))

    def _cluster(self, role: Any, auto_role: ServiceRole | None, group: Any, subnet_ids: Any) -> Resource:
        inputs = {
            **control_plane(self._name, self._arguments, group, subnet_ids),
            **auto_mode_inputs(self._arguments, auto_role),
            "roleArn": pulumi.Output.from_input(role).apply(lambda resource: resource.output("arn")),
        }
        roles = [service_role for service_role in (self._created_role, auto_role) if service_role]
        options = pulumi.ResourceOptions(
            parent=self,
            # A cluster is usable only after its roles have their policies.
            depends_on=[
                resource for service_role in roles for resource in (service_role.role, *service_role.attachments)
            ],
            ignore_changes=["accessConfig.bootstrapClusterCreatorAdminPermissions", "bootstrapSelfManagedAddons"],
        )
        return Resource("aws:eks/cluster:Cluster", f"{self._name}-eksCluster", inputs, options)

    def _addon(
        self, addon_name: str, key: str, cluster: Resource, options: pulumi.ResourceOptions, *, default: bool
    ) -> None:
        """Register an add-on if its options enable it; `default` applies without options."""
        settings = self._arguments.get(key) or {}
        if not settings.get("enabled", default):
            return
        values = settings.get("configurationValues")
        if addon_name == "coredns" and self._arguments.get("fargate"):
            values = pulumi.Output.from_input(values).apply(
                lambda resolved: {"computeType": "Fargate", **(resolved or {})}
            )
        configuration = None if values is None else pulumi.Output.from_input(values).apply(sorted_json)
        requested = {**settings, "configuration": configuration}
        addon(f"{self._name}-{addon_name}", addon_name, cluster, requested, options, tags=self._arguments.get("tags"))

    def _coredns(self, cluster: Resource, profile: Resource | None) -> None:
        """Register coredns after the Fargate profile; by default only if the cluster has compute to run it."""
        arguments = self._arguments
        has_compute = bool(arguments.get("fargate")) or not arguments.get("skipDefaultNodeGroup") or is_auto(arguments)
        has_options = bool((arguments.get("corednsAddonOptions") or {}).get("configurationValues"))
        options = pulumi.ResourceOptions(parent=self, depends_on=[profile] if profile else [])
        self._addon("coredns", "corednsAddonOptions", cluster, options, default=has_compute or has_options)

    def _instance_roles(self) -> tuple[Any, Any]:
        """Return the roles of the nodes, and the single role that the component created or received."""
        arguments = self._arguments
        if "instanceRoles" in arguments:
            return arguments["instanceRoles"], None
        if "instanceRole" in arguments:
            return [arguments["instanceRole"]], arguments["instanceRole"]
        if not arguments.get("createInstanceRole", not arguments.get("skipDefaultNodeGroup")):
            return [], None
        service = self._dns_suffix.apply(lambda suffix: f"ec2.{suffix}")
        instance_role = ServiceRole(
            f"{self._name}-instanceRole",
            service,
            _NODE_POLICIES,
            self._partition,
            self,
            tags=arguments.get("tags"),
        )
        Resource(
            "aws:iam/instanceProfile:InstanceProfile",
            f"{self._name}-instanceProfile",
            {"role": instance_role.role.output("name")},
            self._own,
        )
        return [instance_role.role], instance_role.role

    def _aws_auth(self, instance_roles: Any, kubernetes: pulumi.ProviderResource) -> Resource:
        arns = pulumi.Output.from_input(instance_roles).apply(lambda roles: [role.output("arn") for role in roles])
        arguments = self._arguments
        inputs = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "immutable": False,
            "metadata": {
                "name": "aws-auth",
                "namespace": "kube-system",
                "annotations": {"pulumi.com/patchForce": "true"},
            },
            "data": aws_auth_data(arns, arguments.get("roleMappings"), arguments.get("userMappings")),
        }
        options = pulumi.ResourceOptions(parent=self, provider=kubernetes)
        return Resource("kubernetes:core/v1:ConfigMap", f"{self._name}-nodeAccess", inputs, options)

    def _access_entries(self, cluster: Resource, default_role: Any) -> list[Resource]:
        requested: dict[str, Mapping[str, Any]] = {}
        if default_role is not None:
            arn = pulumi.Output.from_input(default_role).apply(lambda role: role.output("arn"))
            requested["defaultNodeGroupInstanceRole"] = {"principalArn": arn, "type": "EC2_LINUX"}
        requested.update(self._arguments.get("accessEntries") or {})
        return access_entries(self._name, cluster, requested, self)

    def _vpc_cni(
        self, cluster: Resource, kubernetes: pulumi.ProviderResource, after: list[Resource]
    ) -> VpcCniAddon | None:
        if self._arguments.get("useDefaultVpcCni", is_auto(self._arguments)):
            return None
        options = pulumi.ResourceOptions(parent=self, depends_on=after, providers={"kubernetes": kubernetes})
        settings = self._arguments.get("vpcCniOptions") or {}
        return VpcCniAddon(f"{self._name}-vpc-cni", cluster, settings, options, self._arguments.get("tags"))

    def _node_group(self, vpc_id: Any, cluster: Resource, group: Any) -> tuple[Resource | None, Resource | None]:
        arguments = self._arguments
        if self._skips_security_groups:
            return None, None
        tags = {"tags": arguments.get("tags"), "own": arguments.get("nodeSecurityGroupTags")}
        return node_security_group(self._name, vpc_id, cluster, group.id, self, tags=tags)
