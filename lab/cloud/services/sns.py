"""Enforced operations of Amazon SNS. Mobile push and SMS are not among them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lab.cloud.api_call import ApiCall
from lab.cloud.policy import Policy
from lab.cloud.service_authorization import ResourceType
from lab.cloud.services.backends import find_backend, parse_policy, tags_of
from lab.cloud.services.rules import InvalidArnError, PolicyInput, Service, any_of, check_arn, members, names, new

_STORED_PROTOCOLS = frozenset({"email", "email-json"})
"""Protocols for which moto stores a subscription and sends nothing."""
_SUBSCRIPTION_PARTS = 7
"""arn:aws:sns:<region>:<account>:<topic>:<id>"""


def _topic_of_subscription(call: ApiCall, resource_type: ResourceType) -> Iterator[str]:
    arn = str(call.params.get("SubscriptionArn") or "")
    if not arn:
        return
    if arn.count(":") != _SUBSCRIPTION_PARTS - 1:
        raise InvalidArnError(f"Invalid parameter: SubscriptionArn {arn}")
    topic = arn.rpartition(":")[0]
    check_arn(call, topic, [resource_type])
    yield topic


def _find_policy(arn: str) -> Policy | None:
    backend = find_backend("sns", arn)
    topic = backend.topics.get(arn) if backend else None
    return None if topic is None else parse_policy(topic.policy, arn)


def _without_delivery(call: ApiCall) -> Mapping[str, Any]:
    """Return the input, unless moto would deliver messages without the permission of their receiver.

    Raises:
        AwsErrorResponse: the call subscribes a queue, a function or a server.
    """
    protocol = str(call.params.get("Protocol") or "email")
    if call.name == "Subscribe" and protocol not in _STORED_PROTOCOLS:
        raise call.error("NotImplemented", f"The lab does not deliver messages of topics by {protocol}")
    return call.params


SNS = Service(
    name="sns",
    prefix="sns",
    signing_name="sns",
    backend="sns",
    source="https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsns.html",
    operations=names(
        "AddPermission ConfirmSubscription CreateTopic DeleteTopic GetSubscriptionAttributes GetTopicAttributes "
        "ListSubscriptions ListSubscriptionsByTopic ListTagsForResource ListTopics Publish PublishBatch "
        "RemovePermission SetSubscriptionAttributes SetTopicAttributes Subscribe TagResource Unsubscribe UntagResource"
    ),
    # "PublishBatch … requires sns:Publish": https://docs.aws.amazon.com/sns/latest/dg/sns-batch-api-actions.html
    actions={"PublishBatch": "Publish"},
    resources={"topic": any_of(members(TopicName="[TopicArn, TargetArn, ResourceArn]"), _topic_of_subscription)},
    operation_resources={"CreateTopic": {"topic": new(TopicName="Name")}},
    tagging={"CreateTopic": "TagResource"},
    condition_members={"sns:Protocol": "Protocol", "sns:Endpoint": "Endpoint"},
    list_tags=tags_of("sns"),
    find_policy=_find_policy,
    complete=_without_delivery,
    policy_inputs={
        "CreateTopic": PolicyInput("Attributes.Policy", "InvalidParameter"),
        "SetTopicAttributes": PolicyInput("AttributeName == 'Policy' && AttributeValue", "InvalidParameter"),
    },
    invalid_arn=("InvalidParameter", 400),
)
