"""Enforced operations of Amazon SQS."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lab.cloud.api_call import ApiCall
from lab.cloud.policy import Policy
from lab.cloud.service_authorization import ResourceType
from lab.cloud.services.backends import find_backend, parse_policy, tags_of
from lab.cloud.services.rules import InvalidArnError, PolicyInput, Service, call_variables, names

_QUEUE_URL = re.compile(r"https?://(?P<host>[^/]+)/(?P<account>\d{12})/(?P<name>[\w-]{1,75}(?:\.fifo)?)")
_QUEUE_NAME = re.compile(r"[\w-]{1,75}(?:\.fifo)?")


def _queues(call: ApiCall, resource_type: ResourceType) -> Iterator[str]:
    """Yield the queue that the call names by its URL, which has the queue's account, or by its name."""
    url = call.params.get("QueueUrl")
    account = str(call.params.get("QueueOwnerAWSAccountId") or call.account)
    name = str(call.params.get("QueueName") or url or "")
    if url and not _QUEUE_NAME.fullmatch(str(url)):
        match = _QUEUE_URL.fullmatch(str(url))
        if match is None or f".{call.region}." not in f".{match['host']}.":
            raise InvalidArnError(f"The address {url} is not valid for this endpoint.")
        account, name = match["account"], match["name"]
    if name:
        yield resource_type.fill({**call_variables(call), "Account": account, "QueueName": name})


def _find_policy(arn: str) -> Policy | None:
    backend = find_backend("sqs", arn)
    queue = backend.queues.get(arn.rpartition(":")[2]) if backend else None
    return None if queue is None else parse_policy(queue.policy, arn)


SQS = Service(
    name="sqs",
    prefix="sqs",
    signing_name="sqs",
    backend="sqs",
    source="https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsqs.html",
    operations=names(
        "AddPermission ChangeMessageVisibility ChangeMessageVisibilityBatch CreateQueue DeleteMessage "
        "DeleteMessageBatch DeleteQueue GetQueueAttributes GetQueueUrl ListDeadLetterSourceQueues ListQueueTags "
        "ListQueues PurgeQueue ReceiveMessage RemovePermission SendMessage SendMessageBatch SetQueueAttributes "
        "TagQueue UntagQueue"
    ),
    # Permissions of the batch operations:
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-api-permissions-reference.html
    actions={
        "ChangeMessageVisibilityBatch": "ChangeMessageVisibility",
        "DeleteMessageBatch": "DeleteMessage",
        "SendMessageBatch": "SendMessage",
    },
    resources={"queue": _queues},
    tagging={"CreateQueue": "TagQueue"},
    list_tags=tags_of("sqs"),
    find_policy=_find_policy,
    # "Cross-account permissions don't apply to the following actions":
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-customer-managed-policy-examples.html
    own_account_actions=names(
        "AddPermission CreateQueue DeleteQueue ListQueues ListQueueTags RemovePermission SetQueueAttributes TagQueue "
        "UntagQueue"
    ),
    policy_inputs={
        "CreateQueue": PolicyInput("Attributes.Policy", "InvalidAttributeValue"),
        "SetQueueAttributes": PolicyInput("Attributes.Policy", "InvalidAttributeValue"),
    },
    invalid_arn=("InvalidAddress", 400),
)
