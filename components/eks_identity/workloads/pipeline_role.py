"""PipelineRole: an IAM role that jobs of GitHub Actions or GitLab CI assume with the token of the job."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict, Unpack, overload

import pulumi

from eks_identity.clusters import provider_account
from eks_identity.errors import InvalidInput, Problem
from eks_identity.evaluation.trust_conditions import PIPELINE, AssumeRoleCall
from eks_identity.model import names, pipeline_jobs, trust
from eks_identity.model.issuers import Provider
from eks_identity.model.partitions import Partition
from eks_identity.model.pipeline_jobs import CiService, GitHubJobs, GitLabJobs, Jobs
from eks_identity.model.session_tags import Session
from eks_identity.runtime.call_styles import MISSING, resolve_call
from eks_identity.runtime.inputs import INVALID, Inputs, parsed_by
from eks_identity.workloads.iam_role import IamRole
from eks_identity.workloads.role_settings import ConditionArgs, RoleSettings
from eks_identity.workloads.session_tags import SessionTagCheck
from eks_identity.workloads.trust_policies import build_conditions, read_trust_conditions

_NO_SESSION_TAGS = "sessions of a pipeline's jobs have no session tags of EKS"


class GitHubJobsArgs(TypedDict):
    """Jobs of GitHub Actions: exactly one of `environment`, `branch` and `pull_requests` is set."""

    repository: pulumi.Input[str]
    """`OWNER/NAME` of the repository. Upper and lower case are compared."""
    owner_id: NotRequired[pulumi.Input[str]]
    """Id of the owner, a string of digits. Set both ids if the repository uses immutable subject claims, as those do
    that were created, renamed or transferred after 15 July 2026."""
    repository_id: NotRequired[pulumi.Input[str]]
    """Id of the repository, a string of digits; together with `owner_id`."""
    environment: NotRequired[pulumi.Input[str]]
    """Jobs of this environment, whose protection rules decide which branches and reviewers it takes."""
    branch: NotRequired[pulumi.Input[str]]
    """Jobs without an environment that run on this branch, such as scheduled ones. Without `refs/heads/`."""
    pull_requests: NotRequired[bool]
    """Jobs without an environment of every pull request from a branch of the repository. They run what the author
    pushed before anybody reviews it: give the role read permissions only."""


class GitLabJobsArgs(TypedDict):
    """Jobs of GitLab CI: exactly one of `branch` and `all_branches` is set."""

    project: pulumi.Input[str]
    """Path of the project with all its groups, `GROUP/PROJECT`."""
    branch: NotRequired[pulumi.Input[str]]
    """Jobs of this branch. Protect it: a user who can push to it can use the role."""
    all_branches: NotRequired[bool]
    """Jobs of every branch, those of merge requests included. They run what the author pushed before anybody reviews
    it: give the role read permissions only."""


class PipelineRoleArgs(RoleSettings):
    """A role for jobs of one CI service: exactly one of `github_jobs` and `gitlab_jobs` is set."""

    oidc_provider_arn: pulumi.Input[str]
    """`OidcProvider.arn` of the service's issuer: `https://token.actions.githubusercontent.com`, `https://gitlab.com`,
    or that of an own server."""
    github_jobs: NotRequired[list[GitHubJobsArgs]]
    """Jobs of GitHub Actions that may assume the role."""
    gitlab_jobs: NotRequired[list[GitLabJobsArgs]]
    """Jobs of GitLab CI that may assume the role."""
    audience: NotRequired[pulumi.Input[str]]
    """Audience of the tokens; by default `sts.amazonaws.com`."""


@dataclass(frozen=True)
class _Options:
    """The inputs of a PipelineRole, except for the role's settings and the jobs."""

    oidc_provider_arn: pulumi.Input[Provider] = parsed_by(Provider.parse)
    audience: pulumi.Input[str] | None = parsed_by(names.audience)


@dataclass(frozen=True)
class _GitHubOptions:
    """The inputs of an item of `github_jobs`."""

    repository: pulumi.Input[str] = parsed_by(pipeline_jobs.repository)
    owner_id: pulumi.Input[str] | None = parsed_by(pipeline_jobs.immutable_id)
    repository_id: pulumi.Input[str] | None = parsed_by(pipeline_jobs.immutable_id)
    environment: pulumi.Input[str] | None = parsed_by(pipeline_jobs.environment)
    branch: pulumi.Input[str] | None = parsed_by(pipeline_jobs.branch)
    pull_requests: bool = parsed_by(bool, default=False)


@dataclass(frozen=True)
class _GitLabOptions:
    """The inputs of an item of `gitlab_jobs`."""

    project: pulumi.Input[str] = parsed_by(pipeline_jobs.project)
    branch: pulumi.Input[str] | None = parsed_by(pipeline_jobs.branch)
    all_branches: bool = parsed_by(bool, default=False)


class PipelineRole(pulumi.ComponentResource):
    """An IAM role that jobs of GitHub Actions or GitLab CI assume with the token of the job, without access keys.

    The trust policy always names issuer, audience, repository and the kind of jobs. Rejected at preview: wildcards, a
    provider of another service or of a cluster, and names that the service rejects. The role's permissions are those of
    its policies; access to a cluster is a `ClusterAccess` with the role's ARN.

    Source: GitHub, "Configuring OpenID Connect in Amazon Web Services"; GitLab, "Configure OpenID Connect in AWS to
    retrieve temporary credentials".
    """

    arn: pulumi.Output[str]
    """The role's ARN."""
    role_name: pulumi.Output[str]
    """The role's name."""
    trust_policy: pulumi.Output[str]
    """The trust policy, as JSON."""

    @overload
    def __init__(
        self, resource_name: str, args: PipelineRoleArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None: ...
    @overload
    def __init__(
        self, resource_name: str, *, opts: pulumi.ResourceOptions | None = None, **kwargs: Unpack[PipelineRoleArgs]
    ) -> None: ...
    def __init__(
        self,
        resource_name: str,
        args: PipelineRoleArgs = MISSING,
        opts: pulumi.ResourceOptions | None = None,
        **kwargs: Any,
    ) -> None:
        subject = f'PipelineRole "{resource_name}"'
        args, opts = resolve_call(subject, args, kwargs, opts)
        with Inputs(subject, args, PipelineRoleArgs) as inputs:
            options = inputs.read(_Options)
            provider = options.oidc_provider_arn
            jobs = _read_jobs(inputs, args)
            if jobs:
                service = CiService.GITHUB if "github_jobs" in args else CiService.GITLAB
                inputs.parse("", provider, lambda resolved: pipeline_jobs.require_issuer(service, resolved))
            session_tags = SessionTagCheck(inputs.subject, Session(_NO_SESSION_TAGS, "", args.get("tags", {})))
            partition = inputs.parse("", provider, _partition)
            role = IamRole.read(inputs, resource_name, args, partition, session_tags)
            trusted = {
                "provider": provider,
                "jobs": jobs or INVALID,
                "audience": options.audience,
                "conditions": read_trust_conditions(inputs, args, [PIPELINE]),
                "size_limit": role.options.trust_policy_limit,
            }
            trust_policy = inputs.parse("", trusted, lambda resolved: _trust_policy(**resolved))

        check = provider_account.check_account_of_oidc_provider(inputs, opts, provider, "oidc_provider_arn")
        opts = provider_account.depend_on_checks(opts, check)
        super().__init__("eks-identity:index:PipelineRole", resource_name, {}, opts)
        registered = role.register(self, resource_name, trust_policy)
        self.arn = registered.arn
        self.role_name = registered.name
        self.trust_policy = pulumi.Output.from_input(trust_policy)
        self.register_outputs({"arn": self.arn, "role_name": self.role_name, "trust_policy": self.trust_policy})


def _read_jobs(inputs: Inputs, args: PipelineRoleArgs) -> list[pulumi.Input[Jobs]]:
    """Parse the jobs of the one service that is set; problems are added to `inputs`."""
    github, gitlab = args.get("github_jobs"), args.get("gitlab_jobs")
    if (github is None) == (gitlab is None):
        rule = "must be set, or gitlab_jobs for GitLab CI: exactly one of the two, since a provider has one issuer"
        inputs.reject(Problem("github_jobs", rule, github, "keep one of the two"))
        return []
    under = "gitlab_jobs" if github is None else "github_jobs"
    jobs = [_read_github(inputs, f"github_jobs[{index}]", item) for index, item in enumerate(github or [])]
    jobs += [_read_gitlab(inputs, f"gitlab_jobs[{index}]", item) for index, item in enumerate(gitlab or [])]
    if not jobs:
        rule = "must have at least one item: no job could assume the role otherwise"
        inputs.reject(Problem(under, rule, [], f"add an item to {under}"))
    inputs.parse(under, jobs, _reject_repeated)
    return jobs


def _read_github(inputs: Inputs, under: str, item: GitHubJobsArgs) -> pulumi.Input[Jobs]:
    options = inputs.read(_GitHubOptions, under, item)
    return inputs.parse(under, vars(options), lambda resolved: GitHubJobs(**resolved).require_valid())


def _read_gitlab(inputs: Inputs, under: str, item: GitLabJobsArgs) -> pulumi.Input[Jobs]:
    options = inputs.read(_GitLabOptions, under, item)
    return inputs.parse(under, vars(options), lambda resolved: GitLabJobs(**resolved).require_valid())


def _reject_repeated(jobs: Sequence[Jobs]) -> None:
    problems = [
        Problem(f"[{index}]", "must be listed once", each.subject, "remove the repeated item")
        for index, each in enumerate(jobs)
        if each in jobs[:index]
    ]
    if problems:
        raise InvalidInput(problems)


def _partition(provider: Provider) -> Partition:
    return provider.partition


def _trust_policy(
    *,
    provider: Provider,
    jobs: Sequence[Jobs],
    audience: str | None,
    conditions: Sequence[ConditionArgs],
    size_limit: int,
) -> str:
    call = AssumeRoleCall(
        PIPELINE, "a job", {"aws:FederatedProvider": provider.arn}, f":oidc-provider/{provider.issuer.host_and_path}"
    )
    written = build_conditions(conditions, [call])
    policy = pipeline_jobs.pipeline_trust(provider, jobs, audience=audience, size_limit=size_limit, conditions=written)
    return trust.compact(policy)
