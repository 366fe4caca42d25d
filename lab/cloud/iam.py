"""IAM operations that moto lacks, or in which moto accepts input that IAM rejects.

- User ids begin with `AIDA`, as EKS access entries require.
- Input is validated by botocore's model. Names are unique without regard to case.
- Policies are validated before they are stored, including their size. A trust policy refers to the users and roles that
  exist when it is written, and not to others that are created later with the same ARN.
- An entity that is in use cannot be deleted. Deleting a missing entity is an error.
- OIDC providers: client ids can be added and removed. An account has at most 100 providers.
- Permissions boundaries of users, policy simulation, and the pages of GetAccountAuthorizationDetails.

Operations run one at a time, because moto's backends are not thread-safe.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.exceptions import (
    DeleteConflictException,
    EntityAlreadyExists,
    InvalidInput,
    LimitExceededException,
    NotFoundException,
    ValidationError,
)
from moto.iam.models import AWSManagedPolicy, Group, IAMBackend, ManagedPolicy, OpenIDConnectProvider, Role, User
from moto.iam.responses import IamResponse
from moto.iam.utils import generate_access_key_id_from_account_id

from lab.cloud import (
    iam_details,
    iam_documents,
    iam_input,
    iam_lookup,
    input_validation,
    issuers,
    simulation,
    trust,
)
from lab.cloud.authorization import error_response
from lab.cloud.context import caller_context
from lab.cloud.eks import node_instances
from lab.cloud.policy import Context, Policies, Policy, PolicyError, aws_principal, parse
from lab.cloud.request_identity import Caller, read_caller
from lab.interfaces import IamPrincipal

MAX_OIDC_PROVIDERS = 100
MAX_CLIENT_IDS = 100
"""Client ids of an OIDC provider."""
MAX_THUMBPRINTS = 5
"""Thumbprints of an OIDC provider. IAM's message says fewer than 5, and IAM allows five."""
MAX_POLICIES_PER_ROLE = 10

_lock = threading.RLock()


def assign_unique_id(user: User) -> None:
    """Replace moto's id of a new user by one in AWS's form."""
    user.id = generate_access_key_id_from_account_id(user.account_id, prefix="AIDA", total_length=21)


@cache
def _aws_managed_policies() -> dict[str, Any]:
    policies: dict[str, Any] = json.loads(aws_managed_policies_data)
    return policies


def _init_aws_policies(backend: IAMBackend) -> list[ManagedPolicy]:
    """Load AWS's 1,300 managed policies, parsed once. moto parses them for each of eight partitions of each account."""
    return [
        AWSManagedPolicy.from_data(name, backend.account_id, backend.region_name, policy)
        for name, policy in _aws_managed_policies().items()
    ]


# moto has a setting that skips loading them, and none that parses them once.
IAMBackend._init_aws_policies = _init_aws_policies  # type: ignore[assignment, method-assign]  # noqa: SLF001


class LabIamResponse(IamResponse):
    """The operations of IAM."""

    def call_action(self) -> Any:
        with _lock:
            return super().call_action()

    def _authenticate_and_authorize_normal_action(self, resource: str = "*") -> None:
        super()._authenticate_and_authorize_normal_action(resource)
        message = input_validation.find_input_error("iam", self._get_action(), self.params)
        if message:
            raise error_response(self, "ValidationError", message, status=400)

    def create_user(self) -> ActionResult:
        boundary = self._read_boundary()
        self._check_new_entity("User", self._get_param("UserName"), self.backend.users)
        result = super().create_user()
        user = self.backend.get_user(self._get_param("UserName"))
        assign_unique_id(user)
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
        _set_boundary(self.backend.get_user(self._get_param("UserName")), self._read_boundary())
        return EmptyResult()

    def delete_user_permissions_boundary(self) -> ActionResult:
        _set_boundary(self.backend.get_user(self._get_param("UserName")), None)
        return EmptyResult()

    def put_user_policy(self) -> ActionResult:
        self._check_inline_policy(self.backend.get_user(self._get_param("UserName")))
        return super().put_user_policy()

    def create_group(self) -> ActionResult:
        self._check_new_entity("Group", self._get_param("GroupName"), self.backend.groups)
        return super().create_group()

    def put_group_policy(self) -> ActionResult:
        self._check_inline_policy(self.backend.get_group(self._get_param("GroupName")))
        return super().put_group_policy()

    def create_role(self) -> ActionResult:
        self._read_boundary()
        names = [role.name for role in self.backend.roles.values()]
        self._check_new_entity("Role", self._get_param("RoleName"), names)
        iam_documents.check_trust_policy(self._get_param("AssumeRolePolicyDocument"))
        result = super().create_role()
        trust.pin_principals(self.backend.get_role(self._get_param("RoleName")))
        return result

    def update_role(self) -> ActionResult:
        """Update only the members that the request has. moto resets the others."""
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
        self._check_inline_policy(self.backend.get_role(self._get_param("RoleName")))
        return super().put_role_policy()

    def put_role_permissions_boundary(self) -> ActionResult:
        self._read_boundary()
        return super().put_role_permissions_boundary()

    def attach_role_policy(self) -> ActionResult:
        role, arn = self.backend.get_role(self._get_param("RoleName")), self._get_param("PolicyArn")
        if arn in role.managed_policies:
            return EmptyResult()
        if len(role.managed_policies) >= MAX_POLICIES_PER_ROLE:
            raise LimitExceededException(f"Cannot exceed quota for PoliciesPerRole: {MAX_POLICIES_PER_ROLE}")
        return super().attach_role_policy()

    def create_instance_profile(self) -> ActionResult:
        name = self._get_param("InstanceProfileName")
        iam_input.check_tags(self._get_param("Tags", []))
        iam_input.check_new_name(f"Instance Profile {name} already exists.", name, self.backend.instance_profiles)
        return super().create_instance_profile()

    def get_instance_profile(self) -> ActionResult:
        """Return an instance profile, also one that EKS made for a node group."""
        group = node_instances.find_group(self.current_account, self._get_param("InstanceProfileName"))
        if group is None:
            return super().get_instance_profile()
        roles = [role for role in self.backend.roles.values() if role.arn == group.node_role_arn]
        return ActionResult({"InstanceProfile": node_instances.instance_profile(group, roles)})

    def create_policy(self) -> ActionResult:
        name = self._get_param("PolicyName")
        message = f"A policy called {name} already exists. Duplicate names are not allowed."
        existing_names = [
            policy.name for policy in self.backend.managed_policies.values() if ":aws:policy/" not in policy.arn
        ]
        iam_input.check_tags(self._get_param("Tags", []))
        iam_input.check_new_name(message, name, existing_names)
        iam_documents.check_managed_policy(self._get_param("PolicyDocument"))
        return super().create_policy()

    def create_policy_version(self) -> ActionResult:
        iam_documents.check_managed_policy(self._get_param("PolicyDocument"))
        return super().create_policy_version()

    def tag_role(self) -> ActionResult:
        iam_input.check_tags(self._get_param("Tags"))
        return super().tag_role()

    def tag_user(self) -> ActionResult:
        iam_input.check_tags(self._get_param("Tags"))
        return super().tag_user()

    def delete_policy(self) -> ActionResult:
        policy = self.backend.get_policy(self._get_param("PolicyArn"))
        if policy.attachment_count > 0:
            raise DeleteConflictException("Cannot delete a policy attached to entities.")
        return super().delete_policy()

    def create_open_id_connect_provider(self) -> ActionResult:
        url = iam_input.normalize_provider_url(self._get_param("Url"))
        iam_input.check_tags(self._get_param("Tags", []))
        self.params["Url"] = url
        if iam_lookup.find_provider(self.current_account, self.partition, url):
            raise EntityAlreadyExists(f"Provider with url {url} already exists.")
        if len(self.backend.open_id_providers) >= MAX_OIDC_PROVIDERS:
            raise LimitExceededException(
                f"Cannot exceed quota for OpenIdConnectProvidersPerAccount: {MAX_OIDC_PROVIDERS}"
            )
        if not self._get_param("ThumbprintList") and (thumbprint := issuers.fetch_thumbprint(url)):
            # "If it is not included, IAM will retrieve and use the top intermediate certificate authority (CA)
            # thumbprint": IAM API reference, CreateOpenIDConnectProvider. The lab reaches the issuers of its clusters.
            self.params["ThumbprintList"] = [thumbprint]
        return super().create_open_id_connect_provider()

    def delete_open_id_connect_provider(self) -> ActionResult:
        self._find_provider()
        return super().delete_open_id_connect_provider()

    def add_client_id_to_open_id_connect_provider(self) -> ActionResult:
        provider, client_id = self._find_provider(), str(self._get_param("ClientID"))
        if client_id in provider.client_id_list:
            return EmptyResult()
        if len(provider.client_id_list) >= MAX_CLIENT_IDS:
            raise LimitExceededException(f"Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: {MAX_CLIENT_IDS}")
        provider.client_id_list = [*provider.client_id_list, client_id]
        return EmptyResult()

    def remove_client_id_from_open_id_connect_provider(self) -> ActionResult:
        provider, client_id = self._find_provider(), str(self._get_param("ClientID"))
        provider.client_id_list = [entry for entry in provider.client_id_list if entry != client_id]
        return EmptyResult()

    def update_open_id_connect_provider_thumbprint(self) -> ActionResult:
        """Replace the thumbprints. moto checks them only when a provider is created."""
        if len(self._get_param("ThumbprintList")) > MAX_THUMBPRINTS:
            raise InvalidInput("Thumbprint list must contain fewer than 5 entries.")
        return super().update_open_id_connect_provider_thumbprint()

    def get_account_authorization_details(self) -> ActionResult:
        return ActionResult(iam_details.list_details(self.backend, self.params))

    def simulate_principal_policy(self) -> ActionResult:
        arn = str(self._get_param("PolicySourceArn"))
        entity = iam_lookup.find_role(arn) or iam_lookup.find_user(arn)
        if entity is None:
            raise NotFoundException(f"The principal {arn} cannot be found.")
        account, partition = iam_lookup.parse_account(arn)
        caller = Caller(IamPrincipal(arn, entity.id), arn, entity.id, account, partition)
        policies = trust.load_policies(caller)
        return self._simulate(
            [*policies.identity, *self._parse_policies("PolicyInputList")],
            policies.boundary,
            caller_context(caller),
            arn,
        )

    def simulate_custom_policy(self) -> ActionResult:
        return self._simulate(self._parse_policies("PolicyInputList"), None, Context(), self._get_param("CallerArn"))

    def _simulate(
        self, identity: list[Policy], boundary: Policy | None, context: Context, arn: str | None
    ) -> ActionResult:
        boundaries = self._parse_policies("PermissionsBoundaryPolicyInputList")
        resource_policy = self._get_param("ResourcePolicy")
        account, partition = iam_lookup.parse_account(arn or "")
        iam_principal = iam_lookup.find_principal(arn) if arn else None
        principal = None
        if iam_principal is not None:
            principal = aws_principal(
                iam_principal.arn, unique_id=iam_principal.unique_id, account=account, partition=partition
            )
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

    def _parse_policies(self, member: str) -> list[Policy]:
        documents = self._get_param(member) or []
        return [self._parse(f"{member}.{index}", document) for index, document in enumerate(documents, 1)]

    @staticmethod
    def _parse(name: str, document: str) -> Policy:
        try:
            return parse(document, name=name)
        except PolicyError as error:
            raise ValidationError(f"{name}: {error}") from error

    def _read_boundary(self) -> str | None:
        arn: str | None = self._get_param("PermissionsBoundary")
        if arn and arn not in self.backend.managed_policies:
            raise NotFoundException(f"Scope ARN: {arn} does not exist or is not attachable.")
        return arn

    def _check_new_entity(self, kind: str, name: str, existing_names: Iterable[str]) -> None:
        iam_input.check_tags(self._get_param("Tags", []))
        iam_input.check_new_name(f"{kind} with name {name} already exists.", name, existing_names)

    def _check_inline_policy(self, entity: Role | User | Group) -> None:
        iam_documents.check_inline_policy(entity, self._get_param("PolicyName"), self._get_param("PolicyDocument"))

    def _find_provider(self) -> OpenIDConnectProvider:
        provider: OpenIDConnectProvider = self.backend.get_open_id_connect_provider(
            self._get_param("OpenIDConnectProviderArn")
        )
        return provider

    def _caller(self) -> Caller:
        return read_caller(self.normalized_request.environ)


def _set_boundary(entity: User | Role, arn: str | None) -> None:
    boundary: Mapping[str, str] | None = None
    if arn:
        boundary = {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn}
    # moto's users have neither attribute; its roles compute the second from the first.
    vars(entity)["permissions_boundary_arn"] = arn
    if isinstance(entity, User):
        vars(entity)["permissions_boundary"] = boundary
