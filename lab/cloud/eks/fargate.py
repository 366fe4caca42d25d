"""Operations for Fargate profiles. The lab runs no Fargate pods: a profile has its API and its access entry."""

from __future__ import annotations

from moto.core.responses import ActionResult

from lab.cloud import identity
from lab.cloud.eks import access_entry_rules, errors, network, roles
from lab.cloud.eks.compute_records import FargateProfileRecord
from lab.cloud.eks.idempotency import idempotent
from lab.cloud.eks.operations import Operations
from lab.cloud.eks.records import new_uuid
from lab.cloud.eks.store import ClusterRecord
from lab.interfaces import AuthenticationMode

SERVICE = "eks-fargate-pods.amazonaws.com"


class FargateOperations(Operations):
    """CreateFargateProfile, DescribeFargateProfile, ListFargateProfiles and DeleteFargateProfile."""

    @idempotent
    def create_fargate_profile(self) -> ActionResult:
        """Create a profile. In modes with access entries, also create the entry of the pod execution role."""
        name, role_arn = self.param("fargateProfileName"), self.param("podExecutionRoleArn")
        role = roles.require_own(role_arn, self.current_account)
        if not role.trusts(SERVICE):
            raise errors.InvalidParameterException(
                f"Misconfigured PodExecutionRole Trust Policy; Please add the {SERVICE} Service Principal"
            )
        if subnets := self.param("subnets", []):
            network.vpc_of(self.current_account, self.region, subnets)
        with self.store.lock:
            cluster = self.ready_cluster()
            if name in cluster.fargate_profiles:
                raise self.declared_error(
                    f"Fargate Profile already exists with this name {name} in this cluster {cluster.key.name}",
                    errors.InvalidRequestException,
                )
            profile = FargateProfileRecord(
                cluster_name=cluster.key.name,
                name=name,
                arn=self.arn("fargateprofile", cluster.key.name, name, new_uuid()),
                role_arn=role_arn,
                subnets=list(subnets),
                selectors=[dict(selector) for selector in self.param("selectors", [])],
                tags=dict(self.param("tags", {})),
            )
            cluster.fargate_profiles[name] = profile
            description = profile.describe()
        self._grant_access(cluster, role_arn)
        self.store.jobs.run(f"eks-fargate-{name}", lambda: self._activate(profile))
        return ActionResult({"fargateProfile": description})

    def describe_fargate_profile(self) -> ActionResult:
        with self.store.lock:
            return ActionResult({"fargateProfile": self._profile(self.cluster()).describe()})

    def list_fargate_profiles(self) -> ActionResult:
        with self.store.lock:
            page, token = self.page({name: name for name in self.cluster().fargate_profiles})
        return ActionResult({"fargateProfileNames": page, "nextToken": token})

    def delete_fargate_profile(self) -> ActionResult:
        with self.store.lock:
            cluster = self.cluster()
            profile = self._profile(cluster)
            profile.status = "DELETING"
            description = profile.describe()

        def delete() -> None:
            with self.store.lock:
                cluster.fargate_profiles.pop(profile.name, None)

        self.store.jobs.run(f"eks-fargate-{profile.name}", delete)
        return ActionResult({"fargateProfile": description})

    def _profile(self, cluster: ClusterRecord) -> FargateProfileRecord:
        name = self.param("fargateProfileName")
        profile = cluster.fargate_profiles.get(name)
        if profile is None:
            raise errors.ResourceNotFoundException(
                f"No Fargate Profile found with name: {name}.", cluster=cluster.key.name
            )
        return profile

    def _grant_access(self, cluster: ClusterRecord, role_arn: str) -> None:
        role = identity.find_principal(role_arn)
        if role is None or cluster.authentication_mode is AuthenticationMode.CONFIG_MAP:
            return
        with self.store.lock:
            access_entry_rules.grant_node(cluster, role, access_entry_rules.FARGATE_LINUX)
        self.store.publish(cluster)

    def _activate(self, profile: FargateProfileRecord) -> None:
        with self.store.lock:
            if profile.status == "CREATING":
                profile.status = "ACTIVE"
