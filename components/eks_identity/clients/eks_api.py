"""What the library asks of AWS itself, where no Pulumi resource does it: access entries, modes, and who somebody is.

Credentials are those that `credentials` says; the region is always given. Whoever says which cluster is meant, by its
ARN, is never answered about another one of the same name.
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, Self

from botocore.exceptions import ClientError
from pulumi.runtime.rpc import UNKNOWN
from tenacity import retry, retry_if_result, stop_after_delay, wait_exponential

from eks_identity.clients.aws_sessions import clients, code, explained
from eks_identity.errors import AwsError, InvalidInput, Problem
from eks_identity.model.access_entries import AuthenticationMode
from eks_identity.model.arns import Arn
from eks_identity.model.associations import Association
from eks_identity.model.credentials import ENVIRONMENT
from eks_identity.model.existing_entries import AssociatedPolicy, ExistingEntry

UPDATE_SECONDS = 1_800
"""How long a change of the authentication mode is waited for. On AWS it takes some minutes."""

_NOT_FOUND = "ResourceNotFoundException"
_OF_THE_ACCOUNT = (
    "pass an aws provider of account {0} in opts.providers; or, where none is passed, set eks-identity:profile in the "
    "stack's config to a profile of that account"
)


class EksApi:
    """One cluster as EKS's API has it.

    Every method raises `AwsError`, with the way out, where AWS does not answer; and `InvalidInput` where `arn` is that
    of a cluster in another account than the credentials'.
    """

    def __init__(self, name: str, region: str, credentials: str = ENVIRONMENT, arn: str | None = None) -> None:
        self.name = name
        self.region = region
        self._credentials = credentials
        self._arn = arn

    @classmethod
    def of(cls, props: Mapping[str, Any], credentials: str) -> Self:
        """That of a resource with these properties: `cluster_name`, `region`, and `cluster_arn` where it is known."""
        arn = props.get("cluster_arn")
        return cls(props["cluster_name"], props["region"], credentials, None if arn == UNKNOWN else arn)

    def require_account(self) -> None:
        """Refuses credentials of another account than the cluster's: EKS answers about clusters of their own alone."""
        if self._arn is None:
            return
        account, who = clients(self.region, self._credentials).caller
        expected = Arn.parse(self._arn).account
        if account != expected:
            rule = f"credentials of account {expected}, which the cluster is in: {self._arn}"
            raise InvalidInput(
                [Problem("AWS credentials", rule, f"account {account}, {who}", _OF_THE_ACCOUNT.format(expected))],
                subject=f"what this library asks of EKS cluster {self.name} itself",
            )

    def cluster(self) -> dict[str, Any] | None:
        """What DescribeCluster says; None where there is no such cluster, or it is on its way out."""
        with explained(f"EKS cluster {self.name} in {self.region} cannot be described"):
            try:
                found: dict[str, Any] = self._eks.describe_cluster(name=self.name)["cluster"]
            except ClientError as error:
                if code(error) == _NOT_FOUND:
                    return None
                raise
        return None if found.get("status") == "DELETING" else found

    def mode(self) -> AuthenticationMode | None:
        """The authentication mode; None where there is no such cluster."""
        found = self.cluster()
        if found is None:
            return None
        # Clusters from before access entries have no access config: they read the ConfigMap alone.
        return AuthenticationMode((found.get("accessConfig") or {}).get("authenticationMode", "CONFIG_MAP"))

    def entry(self, principal_arn: str) -> ExistingEntry | None:
        """The entry of a principal, with its access policies; None where it has none."""
        with explained(f"access entry of {principal_arn} in {self.name} cannot be read"):
            try:
                found = self._eks.describe_access_entry(clusterName=self.name, principalArn=principal_arn)
            except ClientError as error:
                if code(error) == _NOT_FOUND:
                    return None
                raise
            entry = found["accessEntry"]
            policies = self._pages("list_associated_access_policies", "associatedAccessPolicies", principal_arn)
            return ExistingEntry(
                principal_arn=entry["principalArn"],
                username=entry.get("username", ""),
                groups=tuple(entry.get("kubernetesGroups", ())),
                type=entry.get("type", "STANDARD"),
                policies=tuple(
                    AssociatedPolicy(policy["policyArn"], tuple(policy["accessScope"].get("namespaces", ())))
                    for policy in policies
                ),
                tags=entry.get("tags", {}),
                arn=entry["accessEntryArn"],
            )

    def principals(self, policy_arn: str | None = None) -> list[str]:
        """ARNs of all principals with an entry, or with one that has this access policy, in whatever scope."""
        with explained(f"access entries of {self.name} cannot be listed"):
            only = {} if policy_arn is None else {"associatedPolicyArn": policy_arn}
            return list(self._pages("list_access_entries", "accessEntries", **only))

    def entries(self) -> list[ExistingEntry]:
        """Every entry, each described: one call or two a principal."""
        return [entry for entry in map(self.entry, self.principals()) if entry is not None]

    def make(self, principal_arn: str, **entry: Any) -> bool:
        """CreateAccessEntry, with `type`, `username`, `kubernetesGroups`, `tags`; False where there is one already."""
        with explained(f"access entry of {principal_arn} in {self.name} cannot be made"):
            try:
                self._eks.create_access_entry(clusterName=self.name, principalArn=principal_arn, **entry)
            except ClientError as error:
                if code(error) == "ResourceInUseException":
                    return False
                raise
        return True

    def change(self, principal_arn: str, username: str, groups: list[str]) -> None:
        """UpdateAccessEntry: the entry stays where it is, and so do its access policies."""
        with explained(f"access entry of {principal_arn} in {self.name} cannot be changed"):
            self._eks.update_access_entry(
                clusterName=self.name, principalArn=principal_arn, username=username, kubernetesGroups=groups
            )

    def tag(self, arn: str, tags: dict[str, str], without: list[str]) -> None:
        """Sets these tags, and removes those keys."""
        with explained(f"tags of {arn} cannot be changed"):
            if tags:
                self._eks.tag_resource(resourceArn=arn, tags=tags)
            if without:
                self._eks.untag_resource(resourceArn=arn, tagKeys=without)

    def remove(self, principal_arn: str) -> None:
        """DeleteAccessEntry; an entry that is gone already is none to remove."""
        with explained(f"access entry of {principal_arn} in {self.name} cannot be deleted"):
            try:
                self._eks.delete_access_entry(clusterName=self.name, principalArn=principal_arn)
            except ClientError as error:
                if code(error) != _NOT_FOUND:
                    raise

    def associate(self, principal_arn: str, policy_arn: str) -> None:
        """AssociateAccessPolicy for the whole cluster."""
        with explained(f"{policy_arn} cannot be associated with {principal_arn} in {self.name}"):
            self._eks.associate_access_policy(
                clusterName=self.name, principalArn=principal_arn, policyArn=policy_arn, accessScope={"type": "cluster"}
            )

    def pod_identity_associations(self, namespace: str) -> dict[str, str]:
        """The ids of a namespace's Pod Identity associations, by service account: EKS has one each, at most."""
        with explained(f"Pod Identity associations of namespace {namespace} in {self.name} cannot be listed"):
            listed = self._pages("list_pod_identity_associations", "associations", namespace=namespace)
            return {of["serviceAccount"]: of["associationId"] for of in listed}

    def pod_identity_association(self, id_: str) -> Association | None:
        """An association; None where it is gone."""
        with explained(f"Pod Identity association {id_} in {self.name} cannot be read"):
            try:
                found = self._eks.describe_pod_identity_association(clusterName=self.name, associationId=id_)
            except ClientError as error:
                if code(error) == _NOT_FOUND:
                    return None
                raise
            said = found["association"]
            return Association(self.name, id_, said["roleArn"], said.get("targetRoleArn"), said.get("ownerArn"))

    def pod_identity_role(self, namespace: str, service_account: str) -> str | None:
        """The ARN of the role that pods of a service account get by Pod Identity; None where nothing is associated."""
        with explained(f"Pod Identity association of {namespace}/{service_account} in {self.name} cannot be read"):
            listed = self._eks.list_pod_identity_associations(
                clusterName=self.name, namespace=namespace, serviceAccount=service_account
            )["associations"]
        found = self.pod_identity_association(listed[0]["associationId"]) if listed else None
        return None if found is None else found.role_arn

    def settle(self) -> None:
        """Waits until no update of the cluster is under way: EKS takes one at a time."""
        with explained(f"EKS cluster {self.name} does not become active"):
            waiting = {"Delay": _POLL_SECONDS, "MaxAttempts": UPDATE_SECONDS // _POLL_SECONDS}
            if self._eks.describe_cluster(name=self.name)["cluster"]["status"] != "ACTIVE":
                self._eks.get_waiter("cluster_active").wait(name=self.name, WaiterConfig=waiting)

    def set_mode(self, mode: AuthenticationMode) -> None:
        """UpdateClusterConfig, and waits until EKS says that it is done. There is no way back."""
        with explained(f"authentication mode of {self.name} cannot be made {mode}"):
            update = self._eks.update_cluster_config(name=self.name, accessConfig={"authenticationMode": mode.value})
            done = self._updated(update["update"]["id"])
        if done["status"] != "Successful":
            raise AwsError(
                f"EKS ended the change of {self.name}'s authentication mode to {mode} as {done['status']}: "
                f"{done.get('errors')}\n  fix: mend what EKS names, and run this again"
            )

    @retry(
        retry=retry_if_result(lambda update: update["status"] == "InProgress"),
        wait=wait_exponential(multiplier=0.1, max=10),
        stop=stop_after_delay(UPDATE_SECONDS),
        retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
    )
    def _updated(self, update_id: str) -> dict[str, Any]:
        update: dict[str, Any] = self._eks.describe_update(name=self.name, updateId=update_id)["update"]
        return update

    def _pages(self, operation: str, key: str, principal_arn: str | None = None, **more: Any) -> Iterator[Any]:
        of = {} if principal_arn is None else {"principalArn": principal_arn}
        for page in self._eks.get_paginator(operation).paginate(clusterName=self.name, **of, **more):
            yield from page[key]

    @cached_property
    def _eks(self) -> Any:
        # Once, and before all else: a cluster of that name may be there in whatever account this is.
        self.require_account()
        return clients(self.region, self._credentials).client("eks")


_POLL_SECONDS = 5


class WhoIsWho:
    """IAM and STS: whom names and sessions belong to."""

    def __init__(self, region: str, credentials: str = ENVIRONMENT) -> None:
        self._clients = clients(region, credentials)

    def caller(self) -> tuple[str, str]:
        """Account and ARN of whoever runs this; a session's ARN, where a role was assumed."""
        return self._clients.caller

    def role_arn(self, name: str) -> str | None:
        """The ARN, path included, of the caller's account's role of that name; None where there is none."""
        return self._arn("Role", name)

    def user_arn(self, name: str) -> str | None:
        """The same of a user."""
        return self._arn("User", name)

    def _arn(self, kind: str, name: str) -> str | None:
        with explained(f"IAM {kind.lower()} {name} cannot be looked up"):
            iam = self._clients.client("iam")
            get = iam.get_role if kind == "Role" else iam.get_user
            try:
                return str(get(**{f"{kind}Name": name})[kind]["Arn"])
            except ClientError as error:
                if code(error) == "NoSuchEntity":
                    return None
                raise
