"""Jobs of GitHub Actions and GitLab CI as subjects of tokens, in the `sub` claim, and the trust policy for them.

| job                                            | `sub`                                                        |
|------------------------------------------------|--------------------------------------------------------------|
| GitHub, with an environment                    | `repo:OWNER/NAME:environment:ENVIRONMENT`                    |
| GitHub, on a branch, also scheduled            | `repo:OWNER/NAME:ref:refs/heads/BRANCH`                      |
| GitHub, on a pull request                      | `repo:OWNER/NAME:pull_request`                               |
| the same, in repositories with immutable ids   | `repo:OWNER@OWNER_ID/NAME@ID:…`                              |
| GitLab, on a branch, also of a merge request   | `project_path:GROUP/PROJECT:ref_type:branch:ref:BRANCH`      |

GitHub uses the form with ids for repositories that were created, renamed or transferred after 15 July 2026, and for
those that opted in. Names can be claimed by another owner after a deletion; ids are never assigned again.

Source: GitHub, "OpenID Connect reference: Example subject claims, Immutable subject claims"; GitLab, "OpenID Connect
(OIDC) authentication using ID tokens: Token payload"; IAM user guide, "Create a role for OpenID Connect federation".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from eks_identity.errors import InvalidInput, Problem
from eks_identity.model import limits, names
from eks_identity.model.issuers import Provider
from eks_identity.model.statements import Conditions, add_conditions
from eks_identity.model.trust import Document, document, require_size, size_fix

_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*/[A-Za-z0-9_.-]+")
_PROJECT = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)+")
_ID = re.compile(r"[1-9][0-9]*")
_REF_FORBIDDEN = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|^/|/$|\.$")
_ENVIRONMENT_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f*?'\"`,;\\]")
_ENVIRONMENT_LENGTH = 255


class CiService(Enum):
    """A CI service that issues tokens to its jobs, by its public issuer."""

    GITHUB = "https://token.actions.githubusercontent.com"
    GITLAB = "https://gitlab.com"

    @classmethod
    def of(cls, provider: Provider) -> CiService | None:
        """Return the service of a provider, if its host is a public one; issuers of own servers have any host."""
        host = provider.issuer.host_and_path.partition("/")[0]
        return next((service for service in cls if service.value == f"https://{host}"), None)


@dataclass(frozen=True)
class GitHubJobs:
    """Jobs of a repository: of one environment, of one branch, or of its pull requests."""

    repository: str
    owner_id: str | None = None
    repository_id: str | None = None
    environment: str | None = None
    branch: str | None = None
    pull_requests: bool = False

    def require_valid(self) -> GitHubJobs:
        """Return the jobs; raise `InvalidInput` for none or several kinds of jobs, and for one id without the other."""
        problems = []
        kinds = {"environment": self.environment, "branch": self.branch, "pull_requests": self.pull_requests or None}
        chosen = {kind: value for kind, value in kinds.items() if value is not None}
        if len(chosen) != 1:
            rule = "must have exactly one of environment, branch and pull_requests: a job's token names one of them"
            fix = "keep one of them, and add another item for other jobs" if chosen else "set one of them"
            problems.append(Problem("", rule, chosen, fix))
        if (self.owner_id is None) != (self.repository_id is None):
            missing = "owner_id" if self.owner_id is None else "repository_id"
            rule = "must be set together with the other id (GitHub)"
            fix = f"write what `gh api repos/{self.repository} --jq '[.owner.id, .id]'` prints"
            problems.append(Problem(missing, rule, None, fix))
        if problems:
            raise InvalidInput(problems)
        return self

    @property
    def subject(self) -> str:
        """The `sub` claim of the jobs' tokens."""
        owner, _, name = self.repository.partition("/")
        if self.owner_id is not None:
            owner, name = f"{owner}@{self.owner_id}", f"{name}@{self.repository_id}"
        if self.environment is not None:
            # The only character that GitHub encodes: the colon separates the parts of the claim.
            kind = f"environment:{self.environment.replace(':', '%3A')}"
        else:
            kind = "pull_request" if self.branch is None else f"ref:refs/heads/{self.branch}"
        return f"repo:{owner}/{name}:{kind}"

    @property
    def has_wildcard(self) -> bool:
        return False


@dataclass(frozen=True)
class GitLabJobs:
    """Jobs of a project: of one branch, or of all its branches, which include those of merge requests."""

    project: str
    branch: str | None = None
    all_branches: bool = False

    def require_valid(self) -> GitLabJobs:
        """Return the jobs; raise `InvalidInput` unless either one branch or all are named."""
        if (self.branch is None) == (not self.all_branches):
            rule = "must have exactly one of branch and all_branches"
            fix = "set branch, or all_branches to True" if self.branch is None else "remove one of the two"
            raise InvalidInput([Problem("", rule, self.branch, fix)])
        return self

    @property
    def subject(self) -> str:
        """The `sub` claim of the jobs' tokens; with `*` for all branches."""
        return f"project_path:{self.project}:ref_type:branch:ref:{self.branch or '*'}"

    @property
    def has_wildcard(self) -> bool:
        return self.all_branches


Jobs = GitHubJobs | GitLabJobs


def pipeline_trust(
    provider: Provider,
    jobs: Sequence[Jobs],
    *,
    audience: str | None = None,
    size_limit: int = limits.TRUST_POLICY,
    conditions: Conditions | None = None,
) -> Document:
    """Return the trust policy for `jobs`, which all are jobs of the provider's CI service.

    `audience` is the one of AWS STS by default. Raises `InvalidInput` for repeated jobs, and for a document longer than
    `size_limit` characters.
    """
    subjects = [each.subject for each in jobs]
    test = "StringLike" if any(each.has_wildcard for each in jobs) else "StringEquals"
    audiences = {provider.issuer.aud: audience or provider.partition.sts_audience}
    condition: dict[str, Any] = {"StringEquals": audiences}
    subs = subjects[0] if len(subjects) == 1 else subjects
    condition.setdefault(test, {}).update({provider.issuer.sub: subs})
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": provider.arn},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": condition,
    }
    under = "github_jobs" if isinstance(jobs[0], GitHubJobs) else "gitlab_jobs"
    return require_size(
        document([add_conditions(statement, conditions or {})]),
        size_limit,
        f"{len(subjects)} subjects",
        lambda: size_fix(under, len(subjects), conditions),
        under=under,
    )


def require_issuer(service: CiService, provider: Provider) -> None:
    """Raise `InvalidInput` if the provider is of the other service, or of an EKS cluster."""
    other = CiService.of(provider)
    is_cluster = provider.issuer.host_and_path.startswith(("oidc.eks.", "oidc-eks."))
    if is_cluster or (other is not None and other is not service):
        rule = f"must be the provider of the CI service's issuer, of {service.name.lower()}_jobs here"
        fix = f"pass the arn of an OidcProvider of the issuer {service.value}"
        raise InvalidInput([Problem("oidc_provider_arn", rule, provider.arn, fix)])


def repository(name: str) -> str:
    """Return a repository of GitHub."""
    if not _REPOSITORY.fullmatch(names.text(name)):
        rule = "must be OWNER/NAME of a repository, without wildcards (GitHub)"
        raise names.invalid(rule, name, "write what `gh repo view --json nameWithOwner` prints")
    return name


def project(path: str) -> str:
    """Return the path of a project of GitLab."""
    if not _PROJECT.fullmatch(names.text(path)):
        rule = "must be GROUP/PROJECT, with all subgroups and without wildcards (GitLab)"
        raise names.invalid(rule, path, "write the project's CI_PROJECT_PATH")
    return path


def immutable_id(number: str) -> str:
    """Return the id of a GitHub owner or repository."""
    if not _ID.fullmatch(names.text(number)):
        rule = "must be a string of digits (GitHub)"
        raise names.invalid(rule, number, "write what `gh api repos/OWNER/NAME --jq '[.owner.id, .id]'` prints")
    return number


def branch(name: str) -> str:
    """Return the name of a branch."""
    if not names.text(name) or name.startswith("refs/") or _REF_FORBIDDEN.search(name):
        rule = "must be the name of one branch, without refs/heads/ and wildcards (git)"
        raise names.invalid(rule, name, "write main, for example")
    return name


def environment(name: str) -> str:
    """Return the name of an environment of GitHub."""
    is_valid = 0 < len(names.text(name)) <= _ENVIRONMENT_LENGTH and name == name.strip()
    if not is_valid or _ENVIRONMENT_FORBIDDEN.search(name):
        rule = f"must be the name of one environment: at most {_ENVIRONMENT_LENGTH} characters, no wildcards (GitHub)"
        raise names.invalid(rule, name, "write prod, for example")
    return name
