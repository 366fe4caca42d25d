"""The service accounts and associations of a WorkloadIdentity: what gives its role to pods."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import pulumi
import pulumi_aws as aws

from eks_identity.clusters.connections import Connection
from eks_identity.model.issuers import Provider
from eks_identity.model.subjects import Subject
from eks_identity.runtime.children import ChildRegistrar, RegisteredChildren
from eks_identity.runtime.inputs import Inputs
from eks_identity.workloads.association_preflight import import_alias
from eks_identity.workloads.identity_modes import IRSA, POD_IDENTITY
from eks_identity.workloads.service_account import ServiceAccountOptions, register_service_account
from eks_identity.workloads.service_account_preflight import ServiceAccountPreflight
from eks_identity.workloads.subjects import SubjectInput
from eks_identity.workloads.workload_options import WorkloadOptions


@dataclass(frozen=True)
class WorkloadBinding:
    """The parsed inputs of service accounts and associations."""

    inputs: Inputs
    options: WorkloadOptions
    accounts: ServiceAccountOptions
    connection: Connection
    provider: pulumi.Input[Provider] | None
    """The parsed `oidc_provider_arn`."""
    subjects: Sequence[SubjectInput]
    target_role_arn: pulumi.Input[str] | None
    session_policy: pulumi.Input[str] | None
    tags: Mapping[str, pulumi.Input[str]] | None
    """Tags of the associations."""

    def register(
        self, name: str, role_arn: pulumi.Output[str], preflight: ServiceAccountPreflight
    ) -> pulumi.Output[str] | None:
        """Register associations and service accounts below the component of `preflight`.

        Return the name of the first service account after it is created, or None if nothing is registered.
        """
        writes_accounts = self._writes_service_accounts
        count = (self.options.mode is POD_IDENTITY) + writes_accounts
        if not count:
            return None
        annotations = self._annotations(role_arn)
        children = ChildRegistrar(preflight.component, self.inputs.subject)

        def register(subject: SubjectInput, label: str) -> RegisteredChildren[pulumi.Output[str]]:
            label, depends_on = f"{name}-{label}", list[pulumi.Resource]()
            if self.options.mode is POD_IDENTITY:
                # EKS accepts an association without a service account: it exists before a pod can start.
                depends_on = [association := self._associate(label, subject, role_arn, preflight)]
                if not writes_accounts:
                    return RegisteredChildren(depends_on, association.service_account)
            irsa_role = role_arn if self.options.mode is IRSA else None
            adopt = self.options.adopts_service_accounts
            hooks = preflight.before_service_account(label, subject.under, adopt=adopt, irsa_role=irsa_role)
            account = register_service_account(
                pulumi.ResourceOptions(parent=preflight.component, depends_on=depends_on, hooks=hooks),
                label,
                subject.namespace,
                subject.name,
                annotations=annotations,
                labels=self.accounts.labels,
                adopt=adopt,
            )
            return RegisteredChildren([*depends_on, *account.resources], account.result)

        registered = [
            children.register(each.subject, _logical_name, partial(register, each), under=each.under, count=count)
            for each in self.subjects
        ]
        return registered[0].result

    @property
    def _writes_service_accounts(self) -> bool:
        """Whether service accounts are created or patched. An adopted one without changes needs no patch."""
        if not self.options.adopts_service_accounts:
            return self.options.manages_service_accounts
        accounts = self.accounts
        return self.options.mode is IRSA or accounts.annotations is not None or accounts.labels is not None

    def _annotations(self, role_arn: pulumi.Output[str]) -> pulumi.Input[Mapping[str, str]]:
        if self.options.mode is not IRSA:
            return self.accounts.annotations or {}
        if self.options.role_arn is None:
            return self.accounts.webhook_annotations(self.inputs, role_arn)
        # Pods start after their service account, and so after the provider of their tokens. A role of this component
        # is created after the provider by its trust policy; an existing one is not.
        return self.accounts.webhook_annotations(self.inputs, self.options.role_arn, self.provider)

    def _associate(
        self, label: str, subject: SubjectInput, role_arn: pulumi.Output[str], preflight: ServiceAccountPreflight
    ) -> "aws.eks.PodIdentityAssociation":
        return aws.eks.PodIdentityAssociation(
            label,
            region=self.connection.region,
            cluster_name=self.connection.name,
            namespace=subject.namespace,
            service_account=subject.name,
            role_arn=role_arn,
            target_role_arn=self.target_role_arn,
            disable_session_tags=self.options.disable_session_tags,
            policy=self.session_policy,
            tags=self.tags,
            opts=pulumi.ResourceOptions(
                parent=preflight.component,
                hooks=preflight.before_association(label, subject.under),
                aliases=[import_alias(label)],
            ),
        )


def _logical_name(subject: Subject) -> str:
    return subject.logical_name
