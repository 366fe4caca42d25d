"""What the library asks of AWS itself, where no Pulumi resource does it: access entries, modes, and who somebody is.

Credentials are those of the environment, as every AWS client finds them, or of a profile; the region is always given.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, cached_property
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from tenacity import retry, retry_if_result, stop_after_delay, wait_exponential

from eks_identity.errors import AwsError, AwsRefusedError, AwsUnreachableError
from eks_identity.model.access_entries import AuthenticationMode
from eks_identity.model.existing_entries import AssociatedPolicy, ExistingEntry

UPDATE_SECONDS = 1_800
"""How long a change of the authentication mode is waited for. On AWS it takes some minutes."""

_NOT_FOUND = "ResourceNotFoundException"
_REFUSED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "ExpiredToken", "ExpiredTokenException"}
_REFUSED |= {"InvalidClientTokenId", "SignatureDoesNotMatch", "UnrecognizedClientException", "OptInRequired"}


class EksApi:
    """One cluster as EKS's API has it. Every method raises `AwsError`, with the way out, where AWS does not answer."""

    def __init__(self, name: str, region: str, profile: str | None = None) -> None:
        self.name = name
        self.region = region
        self._profile = profile

    def cluster(self) -> dict[str, Any] | None:
        """What DescribeCluster says; None where there is no such cluster, or it is on its way out."""
        with explained(f"EKS cluster {self.name} in {self.region} cannot be described"):
            try:
                found: dict[str, Any] = self._eks.describe_cluster(name=self.name)["cluster"]
            except ClientError as error:
                if _code(error) == _NOT_FOUND:
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
                if _code(error) == _NOT_FOUND:
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
                if _code(error) == "ResourceInUseException":
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
                if _code(error) != _NOT_FOUND:
                    raise

    def associate(self, principal_arn: str, policy_arn: str) -> None:
        """AssociateAccessPolicy for the whole cluster."""
        with explained(f"{policy_arn} cannot be associated with {principal_arn} in {self.name}"):
            self._eks.associate_access_policy(
                clusterName=self.name, principalArn=principal_arn, policyArn=policy_arn, accessScope={"type": "cluster"}
            )

    def pod_identity_role(self, namespace: str, service_account: str) -> str | None:
        """The ARN of the role that pods of a service account get by Pod Identity; None where nothing is associated."""
        with explained(f"Pod Identity association of {namespace}/{service_account} in {self.name} cannot be read"):
            listed = self._eks.list_pod_identity_associations(
                clusterName=self.name, namespace=namespace, serviceAccount=service_account
            )["associations"]
            if not listed:
                return None
            (of,) = listed  # EKS has one a service account, at most
            try:
                found = self._eks.describe_pod_identity_association(
                    clusterName=self.name, associationId=of["associationId"]
                )
            except ClientError as error:
                if _code(error) == _NOT_FOUND:
                    return None
                raise
            return str(found["association"]["roleArn"])

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
        return client("eks", self.region, self._profile)


_POLL_SECONDS = 5


class WhoIsWho:
    """IAM and STS: whom names and sessions belong to."""

    def __init__(self, region: str, profile: str | None = None) -> None:
        self._region = region
        self._profile = profile

    def caller(self) -> tuple[str, str]:
        """Account and ARN of whoever runs this; a session's ARN, where a role was assumed."""
        with explained("the caller's identity cannot be asked"):
            said = client("sts", self._region, self._profile).get_caller_identity()
        return said["Account"], said["Arn"]

    def role_arn(self, name: str) -> str | None:
        """The ARN, path included, of the caller's account's role of that name; None where there is none."""
        return self._arn("Role", name)

    def user_arn(self, name: str) -> str | None:
        """The same of a user."""
        return self._arn("User", name)

    def _arn(self, kind: str, name: str) -> str | None:
        with explained(f"IAM {kind.lower()} {name} cannot be looked up"):
            iam = client("iam", self._region, self._profile)
            get = iam.get_role if kind == "Role" else iam.get_user
            try:
                return str(get(**{f"{kind}Name": name})[kind]["Arn"])
            except ClientError as error:
                if _code(error) == "NoSuchEntity":
                    return None
                raise


@cache
def client(service: str, region: str, profile: str | None) -> Any:
    """One client a service, region and profile of a process: finding credentials and reading models takes its time."""
    with explained(f"no client of {service}"):
        retries = Config(retries={"mode": "standard", "total_max_attempts": 5})
        return boto3.Session(profile_name=profile, region_name=region).client(service, config=retries)  # type: ignore[call-overload]


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Turns what boto3 raises into an `AwsError` that says `what` could not be done, why, and the way out."""
    try:
        yield
    except ClientError as error:
        reason = f"{what}: {_code(error)}: {error.response['Error'].get('Message', '')}"
        if _code(error) in _REFUSED:
            action = error.operation_name
            raise AwsRefusedError(
                f"{reason}\n  fix: run this as an IAM principal that may do {action}, with credentials that are valid"
            ) from error
        raise AwsError(f"{reason}\n  fix: what AWS says above is the reason; mend it, and run this again") from error
    except HTTPClientError as error:
        raise AwsUnreachableError(f"{what}: {error}\n  fix: run this from where AWS's API can be reached") from error
    except BotoCoreError as error:
        raise AwsRefusedError(
            f"{what}: {error}\n  fix: give AWS credentials in the environment, or eks-identity:profile in the stack's "
            "config (aws:profile does in Python programs too); "
            "`aws sts get-caller-identity` shows whether they work"
        ) from error


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
