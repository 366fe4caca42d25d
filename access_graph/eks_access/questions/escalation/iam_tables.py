"""The techniques of IAM permissions, as tables. Ids are those of pathfinding.cloud where it has one.

Source: DataDog/pathfinding.cloud, `data/paths/aws`, November 2026. The labs of the same project number EC2 differently.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class OwnTechnique:
    """A permission on the principal itself, its groups or its policies, which makes it an administrator."""

    id: str
    action: str
    on: str
    """`user`, `role`, `group` or `policy`: what the principal is, is in, or has attached."""
    condition: str = ""


OWN_TECHNIQUES = (
    OwnTechnique("iam-001", "iam:CreatePolicyVersion", "policy"),
    OwnTechnique(
        "iam-set-default-policy-version",
        "iam:SetDefaultPolicyVersion",
        "policy",
        "another version of the policy allows everything; versions are not read",
    ),
    OwnTechnique("iam-005", "iam:PutRolePolicy", "role"),
    OwnTechnique("iam-007", "iam:PutUserPolicy", "user"),
    OwnTechnique("iam-008", "iam:AttachUserPolicy", "user"),
    OwnTechnique("iam-009", "iam:AttachRolePolicy", "role"),
    OwnTechnique("iam-010", "iam:AttachGroupPolicy", "group"),
    OwnTechnique("iam-011", "iam:PutGroupPolicy", "group"),
)


@dataclass(frozen=True)
class TargetTechnique:
    """A permission on another user or role, with which the principal can act as it."""

    id: str
    action: str
    on: str
    """`user` or `role`."""
    condition: str = ""


TARGET_TECHNIQUES = (
    TargetTechnique("iam-002", "iam:CreateAccessKey", "user"),
    TargetTechnique("iam-004", "iam:CreateLoginProfile", "user", "the user has no password yet"),
    TargetTechnique("iam-006", "iam:UpdateLoginProfile", "user", "the user has a password"),
    TargetTechnique("iam-012", "iam:UpdateAssumeRolePolicy", "role"),
)

ASSUME_ROLE = "sts-001"
ADD_USER_TO_GROUP = "iam-013"


@dataclass(frozen=True)
class GrowingTechnique:
    """A permission to widen the policies of a user or role that the principal can act as by another technique."""

    id: str
    action: str
    on: str
    """`user`, `role`, or `policy`: a customer managed policy of the role."""
    by: str
    """Id of the other technique."""


GROWING_TECHNIQUES = (
    GrowingTechnique("iam-014", "iam:AttachRolePolicy", "role", ASSUME_ROLE),
    GrowingTechnique("iam-015", "iam:AttachUserPolicy", "user", "iam-002"),
    GrowingTechnique("iam-016", "iam:CreatePolicyVersion", "policy", ASSUME_ROLE),
    GrowingTechnique("iam-017", "iam:PutRolePolicy", "role", ASSUME_ROLE),
    GrowingTechnique("iam-018", "iam:PutUserPolicy", "user", "iam-002"),
    GrowingTechnique("iam-019", "iam:AttachRolePolicy", "role", "iam-012"),
    GrowingTechnique("iam-020", "iam:CreatePolicyVersion", "policy", "iam-012"),
    GrowingTechnique("iam-021", "iam:PutRolePolicy", "role", "iam-012"),
)


@dataclass(frozen=True)
class ServiceTechnique:
    """Permissions to run code in a service with a role that trusts the service."""

    id: str
    service: str
    actions: tuple[str, ...]
    condition: str = ""
    """What else must exist. Without it the principal must pass the role, with `iam:PassRole`."""

    @property
    def passes_role(self) -> bool:
        return not self.condition


def _new(technique: str, service: str, actions: str) -> ServiceTechnique:
    return ServiceTechnique(technique, f"{service}.amazonaws.com", tuple(actions.split()))


def _existing(technique: str, service: str, actions: str, what: str) -> ServiceTechnique:
    condition = f"an existing {what} has the role; it is not read"
    return ServiceTechnique(technique, f"{service}.amazonaws.com", tuple(actions.split()), condition)


SERVICE_TECHNIQUES = (
    _new("apprunner-001", "tasks.apprunner", "apprunner:CreateService"),
    _existing("apprunner-002", "tasks.apprunner", "apprunner:UpdateService", "App Runner service"),
    _new(
        "bedrock-001",
        "bedrock-agentcore",
        "bedrock-agentcore:CreateCodeInterpreter bedrock-agentcore:StartCodeInterpreterSession "
        "bedrock-agentcore:InvokeCodeInterpreter",
    ),
    _existing(
        "bedrock-002",
        "bedrock-agentcore",
        "bedrock-agentcore:StartCodeInterpreterSession bedrock-agentcore:InvokeCodeInterpreter",
        "code interpreter",
    ),
    _new("cloudformation-001", "cloudformation", "cloudformation:CreateStack"),
    _existing("cloudformation-002", "cloudformation", "cloudformation:UpdateStack", "stack"),
    _new("cloudformation-003", "cloudformation", "cloudformation:CreateStackSet cloudformation:CreateStackInstances"),
    _new("cloudformation-004", "cloudformation", "cloudformation:UpdateStackSet"),
    _existing(
        "cloudformation-005",
        "cloudformation",
        "cloudformation:CreateChangeSet cloudformation:ExecuteChangeSet",
        "stack",
    ),
    _new("codebuild-001", "codebuild", "codebuild:CreateProject codebuild:StartBuild"),
    _existing("codebuild-002", "codebuild", "codebuild:StartBuild", "project"),
    _existing("codebuild-003", "codebuild", "codebuild:StartBuildBatch", "project"),
    _new("codebuild-004", "codebuild", "codebuild:CreateProject codebuild:StartBuildBatch"),
    _new(
        "datapipeline-001",
        "datapipeline",
        "datapipeline:CreatePipeline datapipeline:PutPipelineDefinition datapipeline:ActivatePipeline",
    ),
    _new("ec2-001", "ec2", "ec2:RunInstances"),
    _existing("ec2-002", "ec2", "ec2:ModifyInstanceAttribute ec2:StopInstances ec2:StartInstances", "instance"),
    _new("ec2-003", "ec2", "ec2:RequestSpotInstances"),
    _existing("ec2-004", "ec2", "ec2:CreateLaunchTemplateVersion ec2:ModifyLaunchTemplate", "launch template"),
    _new("ecs-003", "ecs-tasks", "ecs:RegisterTaskDefinition ecs:CreateService"),
    _new("ecs-004", "ecs-tasks", "ecs:RegisterTaskDefinition ecs:RunTask"),
    _new("ecs-005", "ecs-tasks", "ecs:RegisterTaskDefinition ecs:StartTask"),
    _existing("ecs-006", "ecs-tasks", "ecs:ExecuteCommand", "task"),
    _new("glue-001", "glue", "glue:CreateDevEndpoint"),
    _existing("glue-002", "glue", "glue:UpdateDevEndpoint", "development endpoint"),
    _new("glue-003", "glue", "glue:CreateJob glue:StartJobRun"),
    _new("glue-004", "glue", "glue:CreateJob glue:CreateTrigger"),
    _new("glue-005", "glue", "glue:UpdateJob glue:StartJobRun"),
    _new("glue-006", "glue", "glue:UpdateJob glue:CreateTrigger"),
    _new("glue-007", "glue", "glue:CreateSession glue:RunStatement"),
    _new("lambda-001", "lambda", "lambda:CreateFunction lambda:InvokeFunction"),
    _new("lambda-002", "lambda", "lambda:CreateFunction lambda:CreateEventSourceMapping"),
    _existing("lambda-003", "lambda", "lambda:UpdateFunctionCode", "function"),
    _new("lambda-006", "lambda", "lambda:CreateFunction lambda:AddPermission"),
    _new("sagemaker-001", "sagemaker", "sagemaker:CreateNotebookInstance"),
    _new("sagemaker-002", "sagemaker", "sagemaker:CreateTrainingJob"),
    _new("sagemaker-003", "sagemaker", "sagemaker:CreateProcessingJob"),
    _existing("sagemaker-004", "sagemaker", "sagemaker:CreatePresignedNotebookInstanceUrl", "notebook instance"),
    _existing(
        "sagemaker-005",
        "sagemaker",
        "sagemaker:CreateNotebookInstanceLifecycleConfig sagemaker:StopNotebookInstance "
        "sagemaker:UpdateNotebookInstance sagemaker:StartNotebookInstance",
        "notebook instance",
    ),
)
"""`iam-003`, `ecs-001`, `ecs-002`, `lambda-004` and `lambda-005` need what another one needs, and more."""

NODE_TECHNIQUES = (("ssm-001", "ssm:StartSession"), ("ssm-002", "ssm:SendCommand"))
"""Techniques on the instance of a node."""
