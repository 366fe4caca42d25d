"""IAM operations that simulate policies, which moto lacks: SimulatePrincipalPolicy and SimulateCustomPolicy."""

from __future__ import annotations

from moto.core.responses import ActionResult
from moto.iam.exceptions import NotFoundException, ValidationError
from moto.iam.responses import IamResponse

from lab.cloud import iam_lookup, simulation, trust
from lab.cloud.context import caller_context
from lab.cloud.policy import Context, Policies, Policy, PolicyError, aws_principal, parse
from lab.cloud.request_identity import Caller
from lab.interfaces import IamPrincipal


class SimulationOperations(IamResponse):
    """The operations that simulate policies."""

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
