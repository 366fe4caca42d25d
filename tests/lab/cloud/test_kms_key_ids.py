"""Operations of KMS name a key by its id or ARN, and cryptographic ones by its alias or the alias's ARN, too.

Source: KMS developer guide, "Key identifiers (KeyId)", and the API reference of each operation.
"""

import pytest

from support.cloud_helpers import client, expect_error_code, unique_name


@pytest.fixture
def key(cloud):
    """The metadata of a new key."""
    return client(cloud, "kms").create_key()["KeyMetadata"]


@pytest.fixture
def names(cloud, key):
    """The id, ARN, alias and alias ARN of a key."""
    alias = f"alias/{unique_name('key')}"
    client(cloud, "kms").create_alias(AliasName=alias, TargetKeyId=key["KeyId"])
    return [key["KeyId"], key["Arn"], alias, f"{key['Arn'].partition(':key/')[0]}:{alias}"]


@pytest.mark.parametrize("name", ["KeyId", "Arn"])
def test_deletion_of_a_key_is_scheduled_and_cancelled_by_id_and_by_arn(cloud, key, name):
    """Both responses have the key's ARN. A cancelled deletion leaves the key disabled, until it is enabled."""
    kms = client(cloud, "kms")

    def state():
        return kms.describe_key(KeyId=key[name])["KeyMetadata"]["KeyState"]

    assert kms.schedule_key_deletion(KeyId=key[name], PendingWindowInDays=7)["KeyId"] == key["Arn"]
    assert state() == "PendingDeletion"
    assert kms.cancel_key_deletion(KeyId=key[name])["KeyId"] == key["Arn"]
    assert state() == "Disabled"
    kms.enable_key(KeyId=key[name])
    assert state() == "Enabled"
    kms.disable_key(KeyId=key[name])
    assert state() == "Disabled"


def test_describe_key_accepts_each_name_of_a_key(cloud, key, names):
    kms = client(cloud, "kms")
    assert {kms.describe_key(KeyId=name)["KeyMetadata"]["Arn"] for name in names} == {key["Arn"]}


def test_encrypt_accepts_each_name_of_a_key(cloud, key, names):
    """The ciphertext is that of the named key: it is decrypted without a name."""
    kms = client(cloud, "kms")
    for name in names:
        encrypted = kms.encrypt(KeyId=name, Plaintext=b"text")
        assert encrypted["KeyId"] == key["Arn"]
        assert kms.decrypt(CiphertextBlob=encrypted["CiphertextBlob"])["Plaintext"] == b"text"


def test_deletion_of_a_missing_key_is_not_scheduled(cloud, key):
    missing = key["Arn"].replace(key["KeyId"], "00000000-0000-0000-0000-000000000000")
    error = expect_error_code(lambda: client(cloud, "kms").schedule_key_deletion(KeyId=missing))
    assert error == "NotFoundException"
