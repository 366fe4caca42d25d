"""One reading of a request: moto executes what the lab authorizes, wherever a request has its parameters."""

import json
from urllib.parse import urlencode

import pytest

from support.cloud_helpers import (
    allow,
    client,
    deny,
    expect_error,
    expect_error_code,
    new_role,
    new_user,
    policy_document,
    trust_policy,
    unique_name,
)

EC2_TRUST = trust_policy({"Service": "ec2.amazonaws.com"})


def change_request(api, change):
    """Let `change` edit each request of the client before it is signed."""
    api.meta.events.register("before-sign.*", lambda request, **_: change(request))
    return api


def add_query(**parameters):
    def change(request):
        request.url += ("&" if "?" in request.url else "/?") + urlencode(parameters)

    return change


def replace_body(text):
    def change(request):
        request.data = text

    return change


@pytest.fixture
def roles(cloud):
    """A role that the caller may change, another one, and a client of the caller."""
    own, other = new_role(cloud, EC2_TRUST), new_role(cloud, EC2_TRUST)
    _, key = new_user(cloud, allow("iam:*", on=own))
    return own.rpartition("/")[2], other.rpartition("/")[2], client(cloud, "iam", key)


def attach(api, role):
    api.attach_role_policy(RoleName=role, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")


def test_parameter_in_query_string_and_body_is_rejected(cloud, roles):
    """A role in the query string beside another one in the body is an error, and neither role changes."""
    own, other, api = roles
    change_request(api, add_query(RoleName=other))
    assert expect_error_code(lambda: attach(api, own)) == "MalformedQueryString"
    for role in (own, other):
        assert client(cloud, "iam").list_attached_role_policies(RoleName=role)["AttachedPolicies"] == []


def test_action_in_query_string_and_body_is_rejected(roles):
    """An action in the query string beside another one in the body is an error."""
    own, _, api = roles
    change_request(api, add_query(Action="DeleteRole"))
    assert expect_error_code(lambda: api.get_role(RoleName=own)) == "MalformedQueryString"


def test_repeated_parameter_is_rejected(cloud, roles):
    """A parameter that occurs twice in the body is an error, in either order."""
    own, other, api = roles
    for first, second in ((own, other), (other, own)):
        body = urlencode(
            [("Action", "DeleteRole"), ("Version", "2010-05-08"), ("RoleName", first), ("RoleName", second)]
        )
        changed = change_request(client(cloud, "iam"), replace_body(body))
        assert expect_error_code(lambda api=changed: api.get_role(RoleName=own)) == "MalformedQueryString"
    assert client(cloud, "iam").get_role(RoleName=other)
    assert api.get_role(RoleName=own)


def test_parameters_in_the_query_string_only_are_authorized(roles):
    """A POST with all parameters in the query string is judged on them."""
    own, other, api = roles

    def move_to_query(request):
        request.data = ""
        request.url += "?" + urlencode({"Action": "GetRole", "Version": "2010-05-08", "RoleName": other})

    change_request(api, move_to_query)
    code, message = expect_error(lambda: api.get_role(RoleName=own))
    assert (code, f"role/{other} because" in message) == ("AccessDenied", True)


@pytest.mark.parametrize("target", ["AmazonSQS.DeleteQueue", "AmazonSQS.PurgeQueue", "TrentService.ListKeys"])
def test_query_string_of_a_json_service_is_ignored(cloud, target):
    """A JSON service has no parameters in the query string. moto would take the operation and the queue from it."""
    sqs = client(cloud, "sqs")
    own, other = (sqs.create_queue(QueueName=unique_name("queue"))["QueueUrl"] for _ in range(2))
    arn = f"arn:aws:sqs:{cloud.region}:{cloud.account}:{own.rpartition('/')[2]}"
    _, key = new_user(cloud, allow("sqs:*", on=arn))
    action = target.partition(".")[2]
    api = change_request(client(cloud, "sqs", key), add_query(Action=action, QueueUrl=other))
    assert api.get_queue_attributes(QueueUrl=own, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"] == arn
    assert sqs.get_queue_attributes(QueueUrl=other)


def test_duplicate_json_member_has_one_value(cloud):
    """Of a JSON member that occurs twice the last value is judged and executed."""
    sqs = client(cloud, "sqs")
    own, other = (sqs.create_queue(QueueName=unique_name("queue"))["QueueUrl"] for _ in range(2))
    arn = f"arn:aws:sqs:{cloud.region}:{cloud.account}:{own.rpartition('/')[2]}"
    _, key = new_user(cloud, allow("sqs:*", on=arn))
    body = f'{{"QueueUrl": {json.dumps(own)}, "QueueUrl": {json.dumps(other)}}}'
    api = change_request(client(cloud, "sqs", key), replace_body(body))
    assert expect_error_code(lambda: api.delete_queue(QueueUrl=own)) == "AccessDeniedException"
    assert sqs.get_queue_attributes(QueueUrl=other)


def test_members_of_a_rest_operation_have_one_place(cloud):
    """The name in the path is judged and executed, whatever the query string and the body say."""
    _, key = new_user(cloud, allow("lambda:*", on=f"arn:aws:lambda:{cloud.region}:{cloud.account}:function:own"))

    def confuse(request):
        request.url += "?FunctionName=other&function_name=other"
        request.data = '{"FunctionName": "other"}'

    api = change_request(client(cloud, "lambda", key), confuse)
    assert expect_error_code(lambda: api.delete_function(FunctionName="own")) == "ResourceNotFoundException"


def test_headers_of_moto_are_ignored(cloud):
    """A client cannot select the account with moto's header, or the region with the user agent."""
    cloud.add_account("610987654321")
    user, key = new_user(cloud, allow("iam:*", "sns:*"))
    api = client(cloud, "iam", key)
    change_request(api, lambda request: request.headers.add_header("x-moto-account-id", "610987654321"))
    assert api.get_user(UserName=user)["User"]["Arn"].split(":")[4] == cloud.account
    sns = client(cloud, "sns", key)
    change_request(sns, lambda request: request.headers.replace_header("User-Agent", "region/us-west-2"))
    assert sns.create_topic(Name=unique_name("t"))["TopicArn"].split(":")[3] == cloud.region


def test_value_of_a_wrong_type_is_an_error(cloud):
    """A JSON value of a wrong type is an error of the client, and not of the lab."""
    api = change_request(client(cloud, "sqs"), replace_body('{"QueueUrl": {"a": 1}, "MaxNumberOfMessages": "many"}'))
    assert expect_error_code(lambda: api.receive_message(QueueUrl="x")) == "SerializationException"
    body = urlencode({"Action": "ListRoles", "Version": "2010-05-08", "MaxItems": "many"})
    iam = change_request(client(cloud, "iam"), replace_body(body))
    assert expect_error_code(iam.list_roles) == "MalformedInput"


def test_s3_subresources_select_one_operation(cloud):
    """A request with several subresources is one operation, which is judged and executed."""
    s3, bucket = client(cloud, "s3"), unique_name("bucket")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": cloud.region})
    statement = {**deny("s3:GetObject", on=f"arn:aws:s3:::{bucket}/*"), "Principal": "*"}
    s3.put_bucket_policy(Bucket=bucket, Policy=policy_document(statement))
    _, key = new_user(cloud, allow("s3:GetBucketAcl", on=f"arn:aws:s3:::{bucket}"))
    api = change_request(client(cloud, "s3", key), add_query(policy=""))
    code, message = expect_error(lambda: api.get_bucket_acl(Bucket=bucket))
    assert (code, "s3:GetBucketPolicy on resource" in message) == ("AccessDenied", True)


def test_uploads_in_chunks_are_stored_decoded(cloud):
    """An upload with a checksum trailer is stored with its content only, and keys have any character."""
    s3, bucket = client(cloud, "s3"), unique_name("bucket")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": cloud.region})
    for key in ("a b/c+d", "a//x", "ü/%2F", "folder/", "a?b&c=d", "x:y@z"):
        body = (key * 5000).encode()
        s3.put_object(Bucket=bucket, Key=key, Body=body, Metadata={"my_key": "v", "other": "w"}, ContentType="text/x")
        stored = s3.get_object(Bucket=bucket, Key=key)
        assert stored["Body"].read() == body
        assert (stored["Metadata"], stored["ContentType"]) == ({"my_key": "v", "other": "w"}, "text/x")
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 6
