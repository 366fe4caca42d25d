"""Operations whose action has another name than the operation, or that require several actions."""

import pytest
from test_condition_keys import bucket, create_table
from test_cross_account import create_function

from support.cloud_helpers import allow, client, expect_error, expect_error_code, new_user, unique_name


def assert_requires(cloud, service, call, *actions):
    """Assert that `call` requires all of `actions` and no other."""
    _, key = new_user(cloud, allow(*actions))
    assert call(client(cloud, service, key))
    for action in actions:
        _, without = new_user(cloud, allow("*"), {**allow(action), "Effect": "Deny"})
        _, message = expect_error(lambda caller=without: call(client(cloud, service, caller)))
        assert f"is not authorized to perform: {action} " in message


def test_batch_operations_of_queues_require_the_single_action(cloud):
    """SendMessageBatch and DeleteMessageBatch require sqs:SendMessage and sqs:DeleteMessage."""
    url = client(cloud, "sqs").create_queue(QueueName=unique_name("queue"))["QueueUrl"]
    entries = [{"Id": "1", "MessageBody": "m"}]
    assert_requires(cloud, "sqs", lambda api: api.send_message_batch(QueueUrl=url, Entries=entries), "sqs:SendMessage")
    deletion = [{"Id": "1", "ReceiptHandle": "x"}]
    assert_requires(
        cloud, "sqs", lambda api: api.delete_message_batch(QueueUrl=url, Entries=deletion), "sqs:DeleteMessage"
    )


def test_publish_batch_requires_publish(cloud):
    """PublishBatch requires sns:Publish."""
    topic = client(cloud, "sns").create_topic(Name=unique_name("topic"))["TopicArn"]
    entries = [{"Id": "1", "Message": "m"}]
    assert_requires(
        cloud, "sns", lambda api: api.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries), "sns:Publish"
    )


def test_transactions_require_the_action_of_each_item(cloud):
    """A transaction requires the action of each of its items on the item's table."""
    name = create_table(cloud)
    key = {"id": {"S": "1"}}
    items = [
        {"Put": {"TableName": name, "Item": {"id": {"S": unique_name("i")}}}},
        {"Delete": {"TableName": name, "Key": key}},
    ]
    assert_requires(
        cloud,
        "dynamodb",
        lambda api: api.transact_write_items(TransactItems=items),
        "dynamodb:PutItem",
        "dynamodb:DeleteItem",
    )
    reads = [{"Get": {"TableName": name, "Key": key}}]
    assert_requires(cloud, "dynamodb", lambda api: api.transact_get_items(TransactItems=reads), "dynamodb:GetItem")


PARTIQL = {
    "dynamodb:PartiQLSelect": "SELECT * FROM \"{}\" WHERE id = '1'",
    "dynamodb:PartiQLInsert": "INSERT INTO \"{}\" VALUE {{'id': '{}'}}",
    "dynamodb:PartiQLUpdate": "UPDATE \"{}\" SET x = 'y' WHERE id = '1'",
    "dynamodb:PartiQLDelete": "DELETE FROM \"{}\" WHERE id = '1'",
}


@pytest.mark.parametrize("action", PARTIQL)
def test_partiql_statements_are_authorized_on_their_table(cloud, action):
    """A PartiQL statement requires the action of its verb on the table that it names, and nothing else."""
    own, other = create_table(cloud), create_table(cloud)
    client(cloud, "dynamodb").put_item(TableName=own, Item={"id": {"S": "1"}})
    _, key = new_user(cloud, allow(action, on=f"arn:aws:dynamodb:{cloud.region}:{cloud.account}:table/{own}"))
    api = client(cloud, "dynamodb", key)

    def statement(table):
        return PARTIQL[action].format(table, unique_name("i"))

    assert api.execute_statement(Statement=statement(own))
    for call in (
        lambda: api.execute_statement(Statement=statement(other)),
        lambda: api.batch_execute_statement(Statements=[{"Statement": statement(other)}]),
        lambda: api.execute_transaction(TransactStatements=[{"Statement": statement(other)}]),
    ):
        code, message = expect_error(call)
        assert (code, f"{action} on resource" in message) == ("AccessDeniedException", True)
    assert expect_error_code(lambda: api.execute_statement(Statement="DROP TABLE x")) == "ValidationException"


def test_re_encrypt_requires_both_keys(cloud):
    """ReEncrypt requires kms:ReEncryptFrom on the key of the ciphertext and kms:ReEncryptTo on the new one."""
    kms = client(cloud, "kms")
    old, new = (kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2))
    ciphertext = kms.encrypt(KeyId=old, Plaintext=b"x")["CiphertextBlob"]

    def call(api):
        return api.re_encrypt(CiphertextBlob=ciphertext, DestinationKeyId=new)

    assert_requires(cloud, "kms", call, "kms:ReEncryptFrom", "kms:ReEncryptTo")
    _, swapped = new_user(cloud, allow("kms:ReEncryptFrom", on=new), allow("kms:ReEncryptTo", on=old))
    assert expect_error_code(lambda: call(client(cloud, "kms", swapped))) == "AccessDeniedException"
    mistaken = {"CiphertextBlob": ciphertext, "SourceKeyId": new, "DestinationKeyId": new}
    assert expect_error_code(lambda: kms.re_encrypt(**mistaken)) == "IncorrectKeyException"


def test_invoke_requires_invoke_function_and_is_not_executed(cloud):
    """Invoke requires lambda:InvokeFunction, and then fails: the lab runs no functions."""
    name = unique_name("function")
    arn = create_function(cloud, name)
    _, key = new_user(cloud, allow("lambda:Invoke*", on=f"{arn}:other"))
    api = client(cloud, "lambda", key)
    code, message = expect_error(lambda: api.invoke(FunctionName=name))
    assert (code, f"lambda:InvokeFunction on resource: {arn} because" in message) == ("AccessDeniedException", True)
    _, allowed = new_user(cloud, allow("lambda:InvokeFunction", on=arn))
    code, message = expect_error(lambda: client(cloud, "lambda", allowed).invoke(FunctionName=name))
    assert (code, "does not run Lambda functions" in message) == ("NotImplemented", True)


TAGS = {"TagSet": [{"Key": "a", "Value": "b"}]}
S3_ACTIONS = {
    "s3:ListBucket": lambda s3, name: s3.head_bucket(Bucket=name),
    "s3:GetObjectAcl": lambda s3, name: s3.get_object_acl(Bucket=name, Key="k"),
    "s3:PutObjectAcl": lambda s3, name: s3.put_object_acl(Bucket=name, Key="k", ACL="private"),
    "s3:GetObjectTagging": lambda s3, name: s3.get_object_tagging(Bucket=name, Key="k"),
    "s3:PutObjectTagging": lambda s3, name: s3.put_object_tagging(Bucket=name, Key="k", Tagging=TAGS),
    "s3:DeleteObjectTagging": lambda s3, name: s3.delete_object_tagging(Bucket=name, Key="k"),
    "s3:GetBucketAcl": lambda s3, name: s3.get_bucket_acl(Bucket=name),
    "s3:PutBucketAcl": lambda s3, name: s3.put_bucket_acl(Bucket=name, ACL="private"),
    "s3:PutBucketTagging": lambda s3, name: s3.delete_bucket_tagging(Bucket=name),
    "s3:PutEncryptionConfiguration": lambda s3, name: s3.delete_bucket_encryption(Bucket=name),
    "s3:PutLifecycleConfiguration": lambda s3, name: s3.delete_bucket_lifecycle(Bucket=name),
    "s3:PutBucketPublicAccessBlock": lambda s3, name: s3.delete_public_access_block(Bucket=name),
    "s3:GetBucketVersioning": lambda s3, name: s3.get_bucket_versioning(Bucket=name),
    "s3:ListBucketVersions": lambda s3, name: s3.list_object_versions(Bucket=name),
    "s3:ListBucketMultipartUploads": lambda s3, name: s3.list_multipart_uploads(Bucket=name),
    "s3:PutObject": lambda s3, name: s3.create_multipart_upload(Bucket=name, Key="k"),
}


@pytest.mark.parametrize("action", S3_ACTIONS)
def test_s3_operation_requires_its_action(cloud, action):
    """An S3 operation requires its own action of the user guide, and no other."""
    name = bucket(cloud)
    client(cloud, "s3").put_object(Bucket=name, Key="k", Body=b"x")
    _, key = new_user(cloud, allow(action))
    assert S3_ACTIONS[action](client(cloud, "s3", key), name)
    _, denied = new_user(cloud, allow("*"), {**allow(action), "Effect": "Deny"})
    assert expect_error_code(lambda: S3_ACTIONS[action](client(cloud, "s3", denied), name)) in {"AccessDenied", "403"}


def test_acl_and_tags_of_an_upload_are_authorized(cloud):
    """PutObject with an ACL or with tags requires the actions of both."""
    name = bucket(cloud)
    _, key = new_user(cloud, allow("s3:PutObject"))
    s3 = client(cloud, "s3", key)
    assert s3.put_object(Bucket=name, Key="k", Body=b"")
    for members, action in (({"ACL": "public-read"}, "s3:PutObjectAcl"), ({"Tagging": "a=b"}, "s3:PutObjectTagging")):
        _, message = expect_error(lambda extra=members: s3.put_object(Bucket=name, Key="k", Body=b"", **extra))
        assert action in message


def test_missing_object_needs_list_bucket(cloud):
    """For a missing object S3 answers 403 to a caller that may not list the bucket, and 404 to one that may."""
    name = bucket(cloud)
    _, reader = new_user(cloud, allow("s3:GetObject"))
    _, lister = new_user(cloud, allow("s3:GetObject", "s3:ListBucket"))
    s3, listing = client(cloud, "s3", reader), client(cloud, "s3", lister)
    code, message = expect_error(lambda: s3.get_object(Bucket=name, Key="missing"))
    assert (code, f's3:ListBucket on resource: "arn:aws:s3:::{name}"' in message) == ("AccessDenied", True)
    assert expect_error_code(lambda: s3.head_object(Bucket=name, Key="missing")) == "403"
    assert expect_error_code(lambda: listing.get_object(Bucket=name, Key="missing")) == "NoSuchKey"
    assert expect_error_code(lambda: listing.head_object(Bucket=name, Key="missing")) == "404"
    _, writer = new_user(cloud, allow("s3:GetObject", "s3:PutObject"))
    copying = client(cloud, "s3", writer)
    copy = {"Bucket": name, "Key": "new", "CopySource": f"{name}/missing"}
    assert expect_error_code(lambda: copying.copy_object(**copy)) == "AccessDenied"


def test_versions_of_objects_have_their_own_actions(cloud):
    """A call with a version id requires the action on versions."""
    name, s3 = bucket(cloud), client(cloud, "s3")
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket=name, Key="k", Body=b"x")["VersionId"]
    _, key = new_user(cloud, allow("s3:GetObject", "s3:DeleteObject"))
    api = client(cloud, "s3", key)
    assert api.get_object(Bucket=name, Key="k")
    for call in (api.get_object, api.delete_object, api.get_object_acl):
        _, message = expect_error(lambda run=call: run(Bucket=name, Key="k", VersionId=version))
        assert "ObjectVersion" in message
    objects = {"Objects": [{"Key": "k", "VersionId": version}]}
    (error,) = api.delete_objects(Bucket=name, Delete=objects)["Errors"]
    assert (error["Code"], error["VersionId"]) == ("AccessDenied", version)
