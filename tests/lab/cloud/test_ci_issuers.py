"""Roles of pipelines: which tokens of GitHub's and GitLab's form the lab's STS accepts for them."""

import pytest

from eks_identity.model.issuers import Provider
from eks_identity.model.pipeline_jobs import GitHubJobs, GitLabJobs, pipeline_trust
from eks_identity.model.trust import compact
from lab import ci_issuers
from lab.ci_issuers import CiService
from lab.cloud import issuers
from lab.errors import StateError
from lab.lab_dir import LabDir
from support.cloud_helpers import client

ID_FORM = "repo:octo-org@12/clusters@34:environment:prod"
STS = "sts.amazonaws.com"
NOT_AUTHORIZED = "AccessDenied"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A lab's folder with published CI issuers."""
    home = LabDir("ci", tmp_path_factory.mktemp("labs"))
    ci_issuers.publish(home)
    yield home
    for service in CiService:
        issuers.unregister(service.issuer)


@pytest.fixture(scope="module")
def assume(cloud, home):
    """Return a function that assumes the role of one service with a token, and returns an error code or nothing."""
    iam = client(cloud, "iam")
    jobs = {
        CiService.GITHUB: [
            GitHubJobs("octo-org/clusters", environment="prod"),
            GitHubJobs("octo-org/clusters", "12", "34", environment="prod"),
        ],
        CiService.GITLAB: [GitLabJobs("platform/clusters", branch="main")],
    }
    roles = {}
    for service in CiService:
        arn = iam.create_open_id_connect_provider(Url=service.issuer, ClientIDList=[STS])["OpenIDConnectProviderArn"]
        policy = compact(pipeline_trust(Provider.parse(arn), jobs[service]))
        roles[service] = iam.create_role(RoleName=f"{service}-prod", AssumeRolePolicyDocument=policy)["Role"]["Arn"]
    sts = client(cloud, "sts")

    def run(service, token):
        try:
            sts.assume_role_with_web_identity(RoleArn=roles[service], RoleSessionName="job", WebIdentityToken=token)
        except sts.exceptions.ClientError as error:
            return error.response["Error"]["Code"]
        return None

    return run


@pytest.mark.parametrize(
    ("service", "subject"),
    [
        (CiService.GITHUB, "repo:octo-org/clusters:environment:prod"),
        (CiService.GITHUB, ID_FORM),
        (CiService.GITLAB, "project_path:platform/clusters:ref_type:branch:ref:main"),
    ],
)
def test_named_jobs_assume_the_role(assume, home, service, subject):
    assert assume(service, ci_issuers.issue(home, service, subject, STS)) is None


@pytest.mark.parametrize(
    ("service", "subject"),
    [
        (CiService.GITHUB, "repo:octo-org/other:environment:prod"),
        (CiService.GITHUB, "repo:evil-org/clusters:environment:prod"),
        (CiService.GITHUB, "repo:octo-org/clusters:environment:production"),
        (CiService.GITHUB, "repo:octo-org/clusters:environment:Prod"),
        (CiService.GITHUB, "repo:octo-org/clusters:ref:refs/heads/main"),
        (CiService.GITHUB, "repo:octo-org/clusters:pull_request"),
        (CiService.GITHUB, ID_FORM.replace("34", "35")),
        (CiService.GITHUB, "repo:*"),
        (CiService.GITLAB, "project_path:platform/clusters:ref_type:branch:ref:feature"),
        (CiService.GITLAB, "project_path:platform/clusters:ref_type:tag:ref:main"),
        (CiService.GITLAB, "project_path:other/clusters:ref_type:branch:ref:main"),
    ],
)
def test_other_jobs_are_denied(assume, home, service, subject):
    """Other repositories, owners, environments, branches, ids and pull requests are denied."""
    assert assume(service, ci_issuers.issue(home, service, subject, STS)) == NOT_AUTHORIZED


def test_other_audience_service_and_expired_token_are_rejected(assume, home):
    subject = "repo:octo-org/clusters:environment:prod"
    wrong_audience = ci_issuers.issue(home, CiService.GITHUB, subject, "https://github.com/octo-org")
    assert assume(CiService.GITHUB, wrong_audience) == "InvalidIdentityToken"
    assert assume(CiService.GITHUB, ci_issuers.issue(home, CiService.GITLAB, subject, STS)) == NOT_AUTHORIZED
    expired = ci_issuers.issue(home, CiService.GITHUB, subject, STS, lifetime=-60)
    assert assume(CiService.GITHUB, expired) == "ExpiredTokenException"


def test_token_signed_by_another_lab_is_rejected(assume, home, tmp_path):
    other = LabDir("other", tmp_path)
    ci_issuers.publish(other)
    token = ci_issuers.issue(other, CiService.GITHUB, "repo:octo-org/clusters:environment:prod", STS)
    ci_issuers.publish(home)
    assert assume(CiService.GITHUB, token) == "InvalidIdentityToken"


def test_keys_are_readable_by_the_user_only_and_stay(home):
    (file,) = home.folder.rglob("github.pem")
    before = file.read_bytes()
    ci_issuers.publish(home)
    assert file.read_bytes() == before
    assert file.stat().st_mode & 0o777 == 0o600


def test_lab_that_never_ran_has_no_issuers(tmp_path):
    with pytest.raises(StateError, match="has no CI issuers"):
        ci_issuers.issue(LabDir("new", tmp_path), CiService.GITHUB, "repo:a/b:pull_request", STS)
