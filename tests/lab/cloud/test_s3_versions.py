"""Versions, delete markers and conditional writes of S3, on which state backends rely."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.config import Config

from support.cloud_helpers import allow, client, expect_error_code, new_user, unique_name


@pytest.fixture
def bucket(cloud):
    """A bucket with versioning."""
    s3, name = client(cloud, "s3"), unique_name("versioned")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": cloud.region})
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


def test_old_version_of_an_object_is_restored(cloud, bucket):
    s3 = client(cloud, "s3")
    old = s3.put_object(Bucket=bucket, Key="state", Body=b"old")["VersionId"]
    s3.put_object(Bucket=bucket, Key="state", Body=b"new")
    s3.copy_object(Bucket=bucket, Key="state", CopySource={"Bucket": bucket, "Key": "state", "VersionId": old})
    assert s3.get_object(Bucket=bucket, Key="state")["Body"].read() == b"old"
    assert len(s3.list_object_versions(Bucket=bucket)["Versions"]) == 3


def test_deleted_object_of_a_versioned_bucket_is_missing_and_can_be_written_again(cloud, bucket):
    """A delete marker is no object: reads find nothing, and the next write succeeds."""
    s3, state = client(cloud, "s3"), {"Bucket": bucket, "Key": "state"}
    s3.put_object(**state, Body=b"old", Tagging="team=a")
    s3.delete_object(**state)
    assert expect_error_code(lambda: s3.get_object(**state)) == "NoSuchKey"
    assert expect_error_code(lambda: s3.head_object(**state)) == "404"
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    s3.delete_object(**state)
    s3.put_object(**state, Body=b"new", IfNoneMatch="*")
    assert s3.get_object(**state)["Body"].read() == b"new"


def test_caller_that_cannot_list_does_not_learn_that_an_object_was_deleted(cloud, bucket):
    s3, state = client(cloud, "s3"), {"Bucket": bucket, "Key": "state"}
    s3.put_object(**state, Body=b"old")
    s3.delete_object(**state)
    _, key = new_user(cloud, allow("s3:GetObject"))
    assert expect_error_code(lambda: client(cloud, "s3", key).get_object(**state)) == "AccessDenied"


def test_conditional_writes_of_an_object(cloud, bucket):
    """If-None-Match writes only a missing object, and If-Match only the version that was read."""
    s3, state = client(cloud, "s3"), {"Bucket": bucket, "Key": "lock"}
    tag = s3.put_object(**state, Body=b"1", IfNoneMatch="*")["ETag"]
    assert expect_error_code(lambda: s3.put_object(**state, Body=b"2", IfNoneMatch="*")) == "PreconditionFailed"
    s3.put_object(**state, Body=b"3", IfMatch=tag)
    assert expect_error_code(lambda: s3.put_object(**state, Body=b"4", IfMatch=tag)) == "PreconditionFailed"
    assert expect_error_code(lambda: s3.delete_object(**state, IfMatch=tag)) == "PreconditionFailed"
    assert s3.get_object(**state)["Body"].read() == b"3"


def test_one_of_concurrent_conditional_writes_succeeds(cloud, bucket):
    s3 = client(cloud, "s3", config=Config(max_pool_connections=8, retries={"mode": "standard"}))

    def write(number):
        try:
            s3.put_object(Bucket=bucket, Key=f"lock-{number // 8}", Body=b"%d" % number, IfNoneMatch="*")
        except s3.exceptions.ClientError as error:
            return error.response["Error"]["Code"]
        return "written"

    with ThreadPoolExecutor(8) as pool:
        results = Counter(pool.map(write, range(200)))
    assert set(results) == {"written", "PreconditionFailed"}
    # A call that is repeated after a lost connection finds its own object: the objects count, and not the responses.
    versions = s3.list_object_versions(Bucket=bucket)["Versions"]
    assert sorted(each["Key"] for each in versions) == sorted(f"lock-{number}" for number in range(25))
