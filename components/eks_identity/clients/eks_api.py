"""Requests to EKS, IAM and STS that no Pulumi resource makes: access entries, authentication modes and identities.

If the cluster's ARN is set, credentials of another account are rejected: they could belong to a cluster of the same
name.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any, Self

from botocore.exceptions import ClientError
from pulumi.runtime.rpc import UNKNOWN
from tenacity import retry, retry_if_result, stop_after_delay, wait_exponential

from eks_identity.clients.aws_sessions import aws_clients, aws_errors, error_code
from eks_identity.errors import AwsError, InvalidInput, Problem
from eks_identity.model.access_entries import AuthenticationMode
from eks_identity.model.arns import Arn
from eks_identity.model.associations import Association
from eks_identity.model.credentials import DEFAULT_CHAIN
from eks_identity.model.existing_entries import AssociatedPolicy, ExistingEntry

UPDATE_SECONDS = 1_800
"""Timeout of a change of the authentication mode, in seconds. On AWS a change takes some minutes."""

_POLL_SECONDS = 5
_NOT_FOUND = "ResourceNotFoundException"
_ACCOUNT_FIX = (
    "pass an aws provider of account {0} in opts.providers; if none is passed, set eks-identity:profile in the "
    "stack's config to a profile of that account"
)


class EksApi:
    """One cluster in the API of EKS.

    Every method raises `AwsError` with a fix if a request fails, and `InvalidInput` if `arn` is that of a cluster in
    another account than that of the credentials.
    """

    def __init__(self, name: str, region: str, credentials: str = DEFAULT_CHAIN, arn: str | None = None) -> None:
        self.name = name
        self.region = region
        self._credentials = credentials
        self._arn = arn

    @classmethod
    def of(cls, props: Mapping[str, Any], credentials: str) -> Self:
        """Return the API of the cluster in a resource's `cluster_name`, `region` and, if resolved, `cluster_arn`."""
        arn = props.get("cluster_arn")
        return cls(props["cluster_name"], props["region"], credentials, None if arn == UNKNOWN else arn)

    def require_account(self) -> None:
        """Raise `InvalidInput` for credentials of another account: EKS finds only clusters of the caller's account."""
        if self._arn is None:
            return
        account, caller_arn = aws_clients(self.region, self._credentials).caller
        expected = Arn.parse(self._arn).account
        if account != expected:
            rule = f"must be of account {expected}, the account of the cluster {self._arn}"
            raise InvalidInput(
                [Problem("AWS credentials", rule, f"account {account}, {caller_arn}", _ACCOUNT_FIX.format(expected))],
                subject=f"request to EKS for cluster {self.name}",
            )

    def describe_cluster(self) -> dict[str, Any] | None:
        """Return the response of DescribeCluster, None if the cluster does not exist or is being deleted."""
        with aws_errors(f"EKS cluster {self.name} in {self.region} cannot be described"):
            response = _or_none(self._eks.describe_cluster, name=self.name)
        if response is None or response["cluster"].get("status") == "DELETING":
            return None
        description: dict[str, Any] = response["cluster"]
        return description

    def get_authentication_mode(self) -> AuthenticationMode | None:
        """Return the authentication mode, None if the cluster does not exist."""
        description = self.describe_cluster()
        if description is None:
            return None
        # Clusters that are older than access entries have no access config, and read only the ConfigMap.
        return AuthenticationMode((description.get("accessConfig") or {}).get("authenticationMode", "CONFIG_MAP"))

    def describe_access_entry(self, principal_arn: str) -> ExistingEntry | None:
        """Return the access entry of a principal with its access policies, None if it has none."""
        with aws_errors(f"access entry of {principal_arn} in {self.name} cannot be read"):
            response = _or_none(self._eks.describe_access_entry, clusterName=self.name, principalArn=principal_arn)
            if response is None:
                return None
            entry = response["accessEntry"]
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

    def list_access_entries(self, policy_arn: str | None = None) -> list[str]:
        """Return the ARNs of all principals with an access entry, or of those with this access policy in any scope."""
        with aws_errors(f"access entries of {self.name} cannot be listed"):
            filters = {} if policy_arn is None else {"associatedPolicyArn": policy_arn}
            return list(self._pages("list_access_entries", "accessEntries", **filters))

    def create_access_entry(self, principal_arn: str, **entry: Any) -> bool:
        """Create an access entry with `type`, `username`, `kubernetesGroups`, `tags`. Return False if one exists."""
        with aws_errors(f"access entry of {principal_arn} in {self.name} cannot be created"):
            try:
                self._eks.create_access_entry(clusterName=self.name, principalArn=principal_arn, **entry)
            except ClientError as error:
                if error_code(error) == "ResourceInUseException":
                    return False
                raise
        return True

    def update_access_entry(self, principal_arn: str, username: str, groups: list[str]) -> None:
        """Update username and groups of an access entry. Its access policies are unchanged."""
        with aws_errors(f"access entry of {principal_arn} in {self.name} cannot be updated"):
            self._eks.update_access_entry(
                clusterName=self.name, principalArn=principal_arn, username=username, kubernetesGroups=groups
            )

    def update_tags(self, arn: str, tags: dict[str, str], remove: list[str]) -> None:
        """Set the tags `tags`, and remove the tags with the keys `remove`."""
        with aws_errors(f"tags of {arn} cannot be changed"):
            if tags:
                self._eks.tag_resource(resourceArn=arn, tags=tags)
            if remove:
                self._eks.untag_resource(resourceArn=arn, tagKeys=remove)

    def delete_access_entry(self, principal_arn: str) -> None:
        """Delete an access entry. An absent entry is no error."""
        with aws_errors(f"access entry of {principal_arn} in {self.name} cannot be deleted"):
            _or_none(self._eks.delete_access_entry, clusterName=self.name, principalArn=principal_arn)

    def associate_access_policy(self, principal_arn: str, policy_arn: str) -> None:
        """Associate an access policy with a principal, scoped to the cluster."""
        with aws_errors(f"{policy_arn} cannot be associated with {principal_arn} in {self.name}"):
            self._eks.associate_access_policy(
                clusterName=self.name, principalArn=principal_arn, policyArn=policy_arn, accessScope={"type": "cluster"}
            )

    def list_pod_identity_associations(self, namespace: str) -> dict[str, str]:
        """Return the ids of a namespace's Pod Identity associations by service account. EKS allows one for each."""
        with aws_errors(f"Pod Identity associations of namespace {namespace} in {self.name} cannot be listed"):
            summaries = self._pages("list_pod_identity_associations", "associations", namespace=namespace)
            return {summary["serviceAccount"]: summary["associationId"] for summary in summaries}

    def describe_pod_identity_association(self, id_: str) -> Association | None:
        """Return a Pod Identity association, None if it does not exist."""
        with aws_errors(f"Pod Identity association {id_} in {self.name} cannot be read"):
            response = _or_none(self._eks.describe_pod_identity_association, clusterName=self.name, associationId=id_)
        if response is None:
            return None
        details = response["association"]
        return Association(self.name, id_, details["roleArn"], details.get("targetRoleArn"), details.get("ownerArn"))

    def get_pod_identity_role(self, namespace: str, service_account: str) -> str | None:
        """Return the ARN of a service account's role by Pod Identity, None if it has no association."""
        with aws_errors(f"Pod Identity association of {namespace}/{service_account} in {self.name} cannot be read"):
            summaries = self._eks.list_pod_identity_associations(
                clusterName=self.name, namespace=namespace, serviceAccount=service_account
            )["associations"]
        association = self.describe_pod_identity_association(summaries[0]["associationId"]) if summaries else None
        return None if association is None else association.role_arn

    def wait_until_active(self) -> None:
        """Wait until the cluster has no update in progress. EKS allows one at a time."""
        with aws_errors(f"EKS cluster {self.name} does not become active"):
            waiting = {"Delay": _POLL_SECONDS, "MaxAttempts": UPDATE_SECONDS // _POLL_SECONDS}
            if self._eks.describe_cluster(name=self.name)["cluster"]["status"] != "ACTIVE":
                self._eks.get_waiter("cluster_active").wait(name=self.name, WaiterConfig=waiting)

    def update_authentication_mode(self, mode: AuthenticationMode) -> None:
        """Update the authentication mode, and wait until the update ends. EKS cannot revert it."""
        with aws_errors(f"authentication mode of {self.name} cannot be changed to {mode}"):
            update = self._eks.update_cluster_config(name=self.name, accessConfig={"authenticationMode": mode.value})
            result = self._update_result(update["update"]["id"])
        if result["status"] != "Successful":
            raise AwsError(
                f"EKS ended the change of {self.name}'s authentication mode to {mode} as {result['status']}: "
                f"{result.get('errors')}\n  fix: fix the errors that EKS reports, and run this again"
            )

    @retry(
        retry=retry_if_result(lambda update: update["status"] == "InProgress"),
        wait=wait_exponential(multiplier=0.1, max=10),
        stop=stop_after_delay(UPDATE_SECONDS),
        retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
    )
    def _update_result(self, update_id: str) -> dict[str, Any]:
        update: dict[str, Any] = self._eks.describe_update(name=self.name, updateId=update_id)["update"]
        return update

    def _pages(self, operation: str, key: str, principal_arn: str | None = None, **more: Any) -> Iterator[Any]:
        if principal_arn is not None:
            more["principalArn"] = principal_arn
        for page in self._eks.get_paginator(operation).paginate(clusterName=self.name, **more):
            yield from page[key]

    @cached_property
    def _eks(self) -> Any:
        # Checked before every request: the caller's account may have a cluster of the same name.
        self.require_account()
        return aws_clients(self.region, self._credentials).client("eks")


def _or_none(request: Callable[..., dict[str, Any]], **arguments: str) -> dict[str, Any] | None:
    """Return the response of EKS, None if the object does not exist."""
    try:
        return request(**arguments)
    except ClientError as error:
        if error_code(error) == _NOT_FOUND:
            return None
        raise


class IamLookup:
    """Lookups in IAM and STS: the caller, and ARNs of roles and users by name."""

    def __init__(self, region: str, credentials: str = DEFAULT_CHAIN) -> None:
        self._clients = aws_clients(region, credentials)

    def get_caller_identity(self) -> tuple[str, str]:
        """Return account and ARN of the caller: the session's ARN if a role was assumed."""
        return self._clients.caller

    def get_role_arn(self, name: str) -> str | None:
        """Return the ARN, path included, of a role in the caller's account, None if it does not exist."""
        return self._arn("Role", name)

    def get_user_arn(self, name: str) -> str | None:
        """Return the ARN, path included, of a user in the caller's account, None if it does not exist."""
        return self._arn("User", name)

    def _arn(self, kind: str, name: str) -> str | None:
        with aws_errors(f"IAM {kind.lower()} {name} cannot be looked up"):
            iam = self._clients.client("iam")
            get = iam.get_role if kind == "Role" else iam.get_user
            try:
                return str(get(**{f"{kind}Name": name})[kind]["Arn"])
            except ClientError as error:
                if error_code(error) == "NoSuchEntity":
                    return None
                raise
