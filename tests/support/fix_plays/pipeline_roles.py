"""Fixes of the roles of pipelines: the jobs of GitHub Actions and GitLab CI, and their OIDC provider."""

from typing import Any

from support.component_program import provider_arn
from support.fix_plays.play import REMOVE, Play

GITHUB = provider_arn(issuer="https://token.actions.githubusercontent.com")
GITLAB = provider_arn(issuer="https://gitlab.com")


def _github(**item: Any) -> dict[str, Any]:
    return {"github_jobs": [{"repository": "octo-org/clusters", **item}]}


def _gitlab(**item: Any) -> dict[str, Any]:
    item = {"project": "platform/clusters", **item}
    return {"oidc_provider_arn": GITLAB, "github_jobs": REMOVE, "gitlab_jobs": [item]}


_MANY = [{"repository": f"octo-org/clusters-{number}", "environment": "prod"} for number in range(50)]
MAIN = _github(branch="main")

PLAYS = [
    Play("PipelineRole", "keep one of the two", {"gitlab_jobs": [{"project": "a/b", "branch": "main"}]}, MAIN),
    Play("PipelineRole", "add an item to github_jobs", {"github_jobs": []}, MAIN),
    Play("PipelineRole", "add an item to gitlab_jobs", _gitlab() | {"gitlab_jobs": []}, _gitlab(branch="main")),
    Play("PipelineRole", "set one of them", _github(), MAIN),
    Play("PipelineRole", "keep one of them", _github(branch="main", environment="prod"), MAIN),
    Play("PipelineRole", "set branch, or all_branches", _gitlab(), _gitlab(branch="main")),
    Play("PipelineRole", "remove one of the two", _gitlab(branch="main", all_branches=True), _gitlab(branch="main")),
    Play("PipelineRole", "remove the repeated item", {"github_jobs": MAIN["github_jobs"] * 2}, MAIN),
    Play(
        "PipelineRole",
        "write what `gh api repos/octo-org/clusters --jq",
        _github(branch="main", owner_id="1"),
        _github(branch="main", owner_id="1", repository_id="2"),
    ),
    Play(
        "PipelineRole",
        "write what `gh api repos/OWNER/NAME --jq",
        _github(branch="main", owner_id="octo-org", repository_id="2"),
        _github(branch="main", owner_id="1", repository_id="2"),
    ),
    Play("PipelineRole", "write what `gh repo view", _github(branch="main", repository="octo-org/*"), MAIN),
    Play("PipelineRole", "write the project's CI_PROJECT_PATH", _gitlab(branch="a", project="a"), _gitlab(branch="a")),
    Play("PipelineRole", "write main, for example", _github(branch="refs/heads/main"), MAIN),
    Play("PipelineRole", "write prod, for example", _github(environment="*"), _github(environment="prod")),
    Play(
        "PipelineRole",
        "pass the arn of an OidcProvider of the issuer https://token.actions.githubusercontent.com",
        {"oidc_provider_arn": GITLAB},
        {"oidc_provider_arn": GITHUB},
    ),
    Play(
        "PipelineRole",
        "pass the arn of an OidcProvider of the issuer https://gitlab.com",
        _gitlab(branch="main") | {"oidc_provider_arn": GITHUB},
        _gitlab(branch="main"),
    ),
    Play(
        "PipelineRole",
        "divide github_jobs among several roles",
        {"github_jobs": _MANY},
        {"github_jobs": _MANY[:9]},
    ),
]
