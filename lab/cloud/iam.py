"""IAM operations that moto lacks, or in which moto accepts input that IAM rejects.

- User ids begin with `AIDA`, as EKS access entries require.
- Input is validated by botocore's model. Names are unique without regard to case.
- Policies are validated before they are stored, including their size. A trust policy refers to the users and roles that
  exist when it is written, and not to others that are created later with the same ARN.
- An entity that is in use cannot be deleted. Deleting a missing entity is an error.
- Permissions boundaries of users, and the pages of GetAccountAuthorizationDetails.
- OIDC providers and policy simulation are in `iam_oidc_providers` and `iam_simulation`.

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
from moto.iam.exceptions import DeleteConflictException, LimitExceededException, NotFoundException, ValidationError
from moto.iam.models import AWSManagedPolicy, Group, IAMBackend, ManagedPolicy, Role, User
from moto.iam.utils import generate_access_key_id_from_account_id

from lab.cloud import iam_details, iam_documents, iam_input, iam_lookup, input_validation, trust
from lab.cloud.authorization import error_response
from lab.cloud.eks import node_instances
from lab.cloud.iam_oidc_providers import OidcProviderOperations
from lab.cloud.iam_simulation import SimulationOperations
from lab.cloud.request_identity import Caller, read_caller

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


class LabIamResponse(OidcProviderOperations, SimulationOperations):
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

    def get_account_authorization_details(self) -> ActionResult:
        return ActionResult(iam_details.list_details(self.backend, self.params))

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
