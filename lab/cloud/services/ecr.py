"""Enforced operations of Amazon ECR."""

from __future__ import annotations

from collections.abc import Iterator

from lab.cloud.api_call import ApiCall
from lab.cloud.policy import Policy
from lab.cloud.service_authorization import ResourceType
from lab.cloud.services.backends import find_backend, parse_policy
from lab.cloud.services.rules import PolicyInput, Service, call_variables, names


def _repositories(call: ApiCall, resource_type: ResourceType) -> Iterator[str]:
    """Yield the repositories of the registry that the call names, or all of it, as AWS's messages have it."""
    if call.params.get("resourceArn"):
        return
    account = str(call.params.get("registryId") or call.account)
    repositories = list(call.find_all("repositoryName || repositoryNames")) or ["*"]
    for name in repositories:
        yield resource_type.fill({**call_variables(call), "Account": account, "RepositoryName": name})


def _find_policy(arn: str) -> Policy | None:
    backend = find_backend("ecr", arn)
    repository = backend.repositories.get(arn.partition(":repository/")[2]) if backend else None
    return None if repository is None else parse_policy(repository.policy, arn)


def _list_tags(arn: str) -> dict[str, str]:
    backend = find_backend("ecr", arn)
    return dict(backend.tagger.get_tag_dict_for_resource(arn)) if backend else {}


ECR = Service(
    name="ecr",
    prefix="ecr",
    signing_name="ecr",
    backend="ecr",
    source="https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html",
    operations=names(
        "BatchDeleteImage BatchGetImage CreateRepository DeleteLifecyclePolicy DeleteRepository "
        "DeleteRepositoryPolicy DescribeImages DescribeRepositories GetAuthorizationToken GetLifecyclePolicy "
        "GetRepositoryPolicy ListImages ListTagsForResource PutImage PutImageScanningConfiguration "
        "PutImageTagMutability PutLifecyclePolicy SetRepositoryPolicy TagResource UntagResource"
    ),
    resources={"repository": _repositories},
    arn_members=("resourceArn",),
    tagging={"CreateRepository": "TagResource"},
    list_tags=_list_tags,
    find_policy=_find_policy,
    policy_inputs={"SetRepositoryPolicy": PolicyInput("policyText", "InvalidParameterException")},
    invalid_arn=("InvalidParameterException", 400),
)
