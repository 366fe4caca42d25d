"""Subjects of CI jobs, and trust policies that name them."""

import pytest

from eks_identity.errors import InvalidInput
from eks_identity.model import pipeline_jobs
from eks_identity.model.issuers import Provider
from eks_identity.model.pipeline_jobs import CiService, GitHubJobs, GitLabJobs, pipeline_trust, require_issuer

GITHUB = Provider.parse("arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com")
GITLAB = Provider.parse("arn:aws-cn:iam::123456789012:oidc-provider/gitlab.com")
REPOSITORY = "octo-org/clusters"


@pytest.mark.parametrize(
    ("jobs", "subject"),
    [
        (GitHubJobs(REPOSITORY, environment="prod"), "repo:octo-org/clusters:environment:prod"),
        (GitHubJobs(REPOSITORY, environment="eu:prod"), "repo:octo-org/clusters:environment:eu%3Aprod"),
        (GitHubJobs(REPOSITORY, branch="release/1"), "repo:octo-org/clusters:ref:refs/heads/release/1"),
        (GitHubJobs(REPOSITORY, pull_requests=True), "repo:octo-org/clusters:pull_request"),
        (GitHubJobs(REPOSITORY, "12", "34", branch="main"), "repo:octo-org@12/clusters@34:ref:refs/heads/main"),
        (GitLabJobs("a/b/c", branch="main"), "project_path:a/b/c:ref_type:branch:ref:main"),
        (GitLabJobs("a/b/c", all_branches=True), "project_path:a/b/c:ref_type:branch:ref:*"),
    ],
)
def test_subject_of_jobs(jobs, subject):
    assert jobs.require_valid().subject == subject


def test_trust_policy_of_one_branch_compares_subject_and_audience_exactly():
    (statement,) = pipeline_trust(GITHUB, [GitHubJobs(REPOSITORY, branch="main")])["Statement"]
    assert statement == {
        "Effect": "Allow",
        "Principal": {"Federated": GITHUB.arn},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {
            "StringEquals": {
                "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
                "token.actions.githubusercontent.com:sub": "repo:octo-org/clusters:ref:refs/heads/main",
            }
        },
    }


def test_trust_policy_of_all_branches_compares_the_audience_exactly():
    jobs = [GitLabJobs("a/b", branch="main"), GitLabJobs("a/b", all_branches=True)]
    (statement,) = pipeline_trust(GITLAB, jobs, audience="https://gitlab.com")["Statement"]
    assert statement["Condition"] == {
        "StringEquals": {"gitlab.com:aud": "https://gitlab.com"},
        "StringLike": {"gitlab.com:sub": [each.subject for each in jobs]},
    }


@pytest.mark.parametrize(
    ("service", "arn"),
    [
        (CiService.GITHUB, GITLAB.arn),
        (CiService.GITLAB, GITHUB.arn),
        (CiService.GITHUB, "arn:aws:iam::123456789012:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/0A"),
    ],
)
def test_provider_of_another_issuer_is_rejected(service, arn):
    with pytest.raises(InvalidInput, match="must be the provider of the CI service's issuer"):
        require_issuer(service, Provider.parse(arn))


@pytest.mark.parametrize("host", ["gitlab.example.com", "github.example.com/_services/token"])
def test_provider_of_an_own_server_is_accepted(host):
    for service in CiService:
        require_issuer(service, Provider.parse(f"arn:aws:iam::123456789012:oidc-provider/{host}"))


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        *(
            (pipeline_jobs.repository, text)
            for text in ("octo-org", "*/clusters", "a/b/c", "octo-org/*", "a/b:ref", "")
        ),
        *((pipeline_jobs.project, text) for text in ("clusters", "group/*", "/a/b", "a//b", "a/b:ref_type")),
        *((pipeline_jobs.branch, text) for text in ("", "*", "refs/heads/main", "a b", "a?", "a..b", "a:b", "a/")),
        *((pipeline_jobs.environment, text) for text in ("", "*", "pro?", " prod", "x" * 256, "a\nb")),
        *((pipeline_jobs.immutable_id, text) for text in ("", "0", "12a", 12, "*")),
    ],
)
def test_names_that_a_service_rejects_and_wildcards(parse, text):
    with pytest.raises(InvalidInput):
        parse(text)
