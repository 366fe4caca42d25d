"""IAM: what moto lacks, or takes where AWS refuses.

- Users get ids that begin with `AIDA`, as EKS's access entries need.
- Trust policies and inline policies are checked, sizes included, before they are kept. A trust policy means the users
  and roles that are there when it is written, not others made later under the same ARN.
- What is in use cannot be deleted; what is missing cannot either.
- OIDC providers: client ids can be added and removed, and 100 an account is the most.
- Permissions boundaries of users; policy simulation.

Operations run one at a time, since moto's backends are not made for threads.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from functools import cache
from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.exceptions import (
    DeleteConflictException,
    EntityAlreadyExists,
    LimitExceededException,
    NotFoundException,
    ValidationError,
)
from moto.iam.models import AWSManagedPolicy, IAMBackend, ManagedPolicy, OpenIDConnectProvider, Role, User
from moto.iam.responses import IamResponse
from moto.iam.utils import generate_access_key_id_from_account_id

from lab.cloud import iam_documents, iam_lookup, simulation, trust
from lab.cloud.context import caller_context
from lab.cloud.policy import Context, Policies, Policy, PolicyError, aws_principal, parse
from lab.cloud.request_identity import Caller, caller_of
from lab.interfaces import IamPrincipal

MOST_PROVIDERS = 100
MOST_POLICIES_A_ROLE = 10

_lock = threading.RLock()


def give_unique_id(user: User) -> None:
    """Give a new user an id of AWS's form, in place of moto's."""
    user.id = generate_access_key_id_from_account_id(user.account_id, prefix="AIDA", total_length=21)


@cache
def _aws_managed_policies() -> dict[str, Any]:
    policies: dict[str, Any] = json.loads(aws_managed_policies_data)
    return policies


def _init_aws_policies(backend: IAMBackend) -> list[ManagedPolicy]:
    """Load AWS's 1,300 policies, parsed once, where moto parses them for each of eight partitions of each account."""
    return [
        AWSManagedPolicy.from_data(name, backend.account_id, backend.region_name, policy)
        for name, policy in _aws_managed_policies().items()
    ]


# moto has a setting for whether it loads them, and none for how often it parses them.
IAMBackend._init_aws_policies = _init_aws_policies  # type: ignore[assignment, method-assign]  # noqa: SLF001


class LabIamResponse(IamResponse):
    """The operations of IAM."""

    def call_action(self) -> Any:
        with _lock:
            return super().call_action()

    def create_user(self) -> ActionResult:
        boundary = self._boundary()
        result = super().create_user()
        user = self.backend.get_user(self._get_param("UserName"))
        give_unique_id(user)
        _set_boundary(user, boundary)
        return result

    def get_user(self) -> ActionResult:
        if self._get_param("UserName"):
            return super().get_user()
        caller = self._caller()
        if caller.is_role:
            raise ValidationError("Must specify userName when calling with non-User credentials")
        if caller.is_root:
            return ActionResult({"User": {"UserId": caller.user_id, "Arn": caller.arn}})
        return ActionResult({"User": iam_lookup.find_user(caller.principal.arn)})

    def delete_user(self) -> ActionResult:
        user = self.backend.get_user(self._get_param("UserName"))
        if user.access_keys:
            raise DeleteConflictException("Cannot delete entity, must delete access keys first.")
        if user.group_list:
            raise DeleteConflictException("Cannot delete entity, must remove users from group first.")
        return super().delete_user()

    def put_user_permissions_boundary(self) -> ActionResult:
        _set_boundary(self.backend.get_user(self._get_param("UserName")), self._boundary())
        return EmptyResult()

    def delete_user_permissions_boundary(self) -> ActionResult:
        _set_boundary(self.backend.get_user(self._get_param("UserName")), None)
        return EmptyResult()

    def create_role(self) -> ActionResult:
        self._boundary()
        iam_documents.check_trust_policy(self._get_param("AssumeRolePolicyDocument"))
        result = super().create_role()
        trust.pin_principals(self.backend.get_role(self._get_param("RoleName")))
        return result

    def update_role(self) -> ActionResult:
        """Changes what is given; moto resets the rest."""
        role = self.backend.get_role(self._get_param("RoleName"))
        description, duration = self._get_param("Description"), self._get_param("MaxSessionDuration")
        if description is not None:
            role.description = description
        if duration is not None:
            role.max_session_duration = duration
        return EmptyResult()

    def update_assume_role_policy(self) -> ActionResult:
        role, document = self.backend.get_role(self._get_param("RoleName")), self._get_param("PolicyDocument")
        iam_documents.check_trust_policy(document)
        role.assume_role_policy_document = document
        trust.pin_principals(role)
        return EmptyResult()

    def put_role_policy(self) -> ActionResult:
        role = self.backend.get_role(self._get_param("RoleName"))
        iam_documents.check_role_policy(role, self._get_param("PolicyName"), self._get_param("PolicyDocument"))
        return super().put_role_policy()

    def put_role_permissions_boundary(self) -> ActionResult:
        self._boundary()
        return super().put_role_permissions_boundary()

    def attach_role_policy(self) -> ActionResult:
        role, arn = self.backend.get_role(self._get_param("RoleName")), self._get_param("PolicyArn")
        if arn in role.managed_policies:
            return EmptyResult()
        if len(role.managed_policies) >= MOST_POLICIES_A_ROLE:
            raise LimitExceededException(f"Cannot exceed quota for PoliciesPerRole: {MOST_POLICIES_A_ROLE}")
        return super().attach_role_policy()

    def create_policy(self) -> ActionResult:
        iam_documents.check_managed_policy(self._get_param("PolicyDocument"))
        return super().create_policy()

    def create_policy_version(self) -> ActionResult:
        iam_documents.check_managed_policy(self._get_param("PolicyDocument"))
        return super().create_policy_version()

    def delete_policy(self) -> ActionResult:
        policy = self.backend.get_policy(self._get_param("PolicyArn"))
        if policy.attachment_count > 0:
            raise DeleteConflictException("Cannot delete a policy attached to entities.")
        return super().delete_policy()

    def create_open_id_connect_provider(self) -> ActionResult:
        url = str(self._get_param("Url") or "")
        if not url.startswith("https://"):
            raise ValidationError("Invalid Open ID Connect Provider URL")
        if iam_lookup.find_provider(self.current_account, self.partition, url.rstrip("/")):
            raise EntityAlreadyExists(f"Provider with url {url} already exists.")
        if len(self.backend.open_id_providers) >= MOST_PROVIDERS:
            raise LimitExceededException(f"Cannot exceed quota for OpenIdConnectProvidersPerAccount: {MOST_PROVIDERS}")
        return super().create_open_id_connect_provider()

    def delete_open_id_connect_provider(self) -> ActionResult:
        self._provider()
        return super().delete_open_id_connect_provider()

    def add_client_id_to_open_id_connect_provider(self) -> ActionResult:
        provider, client_id = self._provider(), str(self._get_param("ClientID"))
        if client_id not in provider.client_id_list:
            provider.client_id_list = [*provider.client_id_list, client_id]
        return EmptyResult()

    def remove_client_id_from_open_id_connect_provider(self) -> ActionResult:
        provider, client_id = self._provider(), str(self._get_param("ClientID"))
        provider.client_id_list = [entry for entry in provider.client_id_list if entry != client_id]
        return EmptyResult()

    def simulate_principal_policy(self) -> ActionResult:
        arn = str(self._get_param("PolicySourceArn"))
        found = iam_lookup.find_role(arn) or iam_lookup.find_user(arn)
        if found is None:
            raise NotFoundException(f"The principal {arn} cannot be found.")
        account, partition = iam_lookup.account_of(arn)
        caller = Caller(IamPrincipal(arn, found.id), arn, found.id, account, partition)
        own = trust.policies_of(caller)
        return self._simulated(
            [*own.identity, *self._policies("PolicyInputList")], own.boundary, caller_context(caller), arn
        )

    def simulate_custom_policy(self) -> ActionResult:
        return self._simulated(self._policies("PolicyInputList"), None, Context(), self._get_param("CallerArn"))

    def _simulated(
        self, identity: list[Policy], boundary: Policy | None, context: Context, arn: str | None
    ) -> ActionResult:
        boundaries = self._policies("PermissionsBoundaryPolicyInputList")
        resource_policy = self._get_param("ResourcePolicy")
        account, partition = iam_lookup.account_of(arn or "")
        known = iam_lookup.principal(arn) if arn else None
        principal = None
        if known is not None:
            principal = aws_principal(known.arn, unique_id=known.unique_id, account=account, partition=partition)
        results = simulation.simulate(
            Policies(
                identity=identity,
                boundary=boundaries[0] if boundaries else boundary,
                resource=self._parse("ResourcePolicy", resource_policy) if resource_policy else None,
            ),
            actions=self._get_param("ActionNames") or [],
            resources=self._get_param("ResourceArns") or [],
            context=context.merged(simulation.context_values(self._get_param("ContextEntries") or [])),
            principal=principal,
        )
        return ActionResult({"EvaluationResults": results, "IsTruncated": False})

    def _policies(self, member: str) -> list[Policy]:
        documents = self._get_param(member) or []
        return [self._parse(f"{member}.{index}", document) for index, document in enumerate(documents, 1)]

    @staticmethod
    def _parse(name: str, document: str) -> Policy:
        try:
            return parse(document, name=name)
        except PolicyError as error:
            raise ValidationError(f"{name}: {error}") from error

    def _boundary(self) -> str | None:
        arn: str | None = self._get_param("PermissionsBoundary")
        if arn and arn not in self.backend.managed_policies:
            raise NotFoundException(f"Scope ARN: {arn} does not exist or is not attachable.")
        return arn

    def _provider(self) -> OpenIDConnectProvider:
        provider: OpenIDConnectProvider = self.backend.get_open_id_connect_provider(
            self._get_param("OpenIDConnectProviderArn")
        )
        return provider

    def _caller(self) -> Caller:
        return caller_of(self.normalized_request.environ)


def _set_boundary(holder: User | Role, arn: str | None) -> None:
    described: Mapping[str, str] | None = None
    if arn:
        described = {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn}
    # moto's users have neither; its roles work the second out from the first.
    vars(holder)["permissions_boundary_arn"] = arn
    if isinstance(holder, User):
        vars(holder)["permissions_boundary"] = described
