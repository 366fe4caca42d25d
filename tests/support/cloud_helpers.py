"""Helpers of the cloud tests: boto3 clients and AWS CLI calls through the proxy, IAM documents, and an OIDC issuer."""

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import jwt
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from lab.cloud import Cloud, issuers
from lab.interfaces import Credentials, clean_environment

AWS_CLI = Path(sys.executable).with_name("aws")
ISSUER = "https://oidc.eks.ap-northeast-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"
SUBJECT = "system:serviceaccount:default:my-sa"
AUDIENCE = "sts.amazonaws.com"


def client(
    cloud: Cloud,
    service: str,
    caller: Credentials | None = None,
    *,
    config: Config | None = None,
    region: str | None = None,
    **options: Any,
) -> Any:
    """Return a boto3 client that reaches AWS as other programs do: through the proxy, without an endpoint setting."""
    caller = caller or cloud.administrator
    base = Config(proxies={"https": cloud.access.proxy_url}, retries={"total_max_attempts": 1})
    return _session().client(
        service,
        region_name=region or cloud.region,
        aws_access_key_id=caller.access_key_id,
        aws_secret_access_key=caller.secret_access_key,
        aws_session_token=caller.session_token,
        verify=cloud.access.ca_file,
        config=base.merge(config) if config else base,
        **options,
    )


@cache
def _session() -> boto3.Session:
    """Return the session of all clients. Loading botocore's models is slow."""
    return boto3.Session()


def anonymous_client(cloud: Cloud, service: str) -> Any:
    """Return a client that does not sign its requests."""
    return client(cloud, service, Credentials("none", "none"), config=Config(signature_version=UNSIGNED))


def run_aws_cli(
    cloud: Cloud,
    *arguments: str,
    home: Path,
    caller: Credentials | None = None,
    variables: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run the AWS CLI in a clean environment. `home` becomes its HOME, in which it caches credentials."""
    home.mkdir(exist_ok=True)
    environment = {
        **clean_environment(os.environ),
        **cloud.access.environment(),
        "HOME": str(home),
        **(variables or {}),
    }
    environment |= {"AWS_EC2_METADATA_DISABLED": "true", "AWS_PAGER": "", "AWS_MAX_ATTEMPTS": "1"}
    if caller is not None:
        environment |= {"AWS_ACCESS_KEY_ID": caller.access_key_id, "AWS_SECRET_ACCESS_KEY": caller.secret_access_key}
        environment |= {"AWS_SESSION_TOKEN": caller.session_token} if caller.session_token else {}
    return subprocess.run(
        [str(AWS_CLI), *arguments], env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def expect_error(call: Callable[[], Any]) -> tuple[str, str]:
    """Return (code, message) of the error that `call` must raise."""
    try:
        result = call()
    except ClientError as client_error:
        return client_error.response["Error"]["Code"], client_error.response["Error"]["Message"]
    raise AssertionError(f"no error: {result}")


def expect_error_code(call: Callable[[], Any]) -> str:
    return expect_error(call)[0]


def policy_document(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(*actions: str, on: str | list[str] = "*", **elements: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": on, **elements}


def deny(*actions: str, on: str | list[str] = "*", **elements: Any) -> dict[str, Any]:
    return {**allow(*actions, on=on, **elements), "Effect": "Deny"}


def trust_policy(principal: Any, *actions: str, **elements: Any) -> str:
    return policy_document(
        {"Effect": "Allow", "Principal": principal, "Action": list(actions or ["sts:AssumeRole"]), **elements}
    )


def read_credentials(response: Mapping[str, Any]) -> Credentials:
    """Return the credentials in a response of STS."""
    key = response["Credentials"]
    return Credentials(key["AccessKeyId"], key["SecretAccessKey"], key["SessionToken"], key["Expiration"])


def unique_name(prefix: str) -> str:
    """Return a name that no other test uses."""
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


def new_user(cloud: Cloud, *statements: Mapping[str, Any], **members: Any) -> tuple[str, Credentials]:
    """Create a user with one inline policy. Return its name and access key."""
    iam = client(cloud, "iam")
    user = unique_name("user")
    iam.create_user(UserName=user, **members)
    if statements:
        iam.put_user_policy(UserName=user, PolicyName="inline", PolicyDocument=policy_document(*statements))
    key = iam.create_access_key(UserName=user)["AccessKey"]
    return user, Credentials(key["AccessKeyId"], key["SecretAccessKey"])


def new_role(
    cloud: Cloud, trust: str, *statements: Mapping[str, Any], caller: Credentials | None = None, **members: Any
) -> str:
    """Create a role with one inline policy and return its ARN."""
    iam = client(cloud, "iam", caller)
    role = members.pop("RoleName", None) or unique_name("role")
    arn: str = iam.create_role(RoleName=role, AssumeRolePolicyDocument=trust, **members)["Role"]["Arn"]
    if statements:
        iam.put_role_policy(RoleName=role, PolicyName="inline", PolicyDocument=policy_document(*statements))
    return arn


def assume(cloud: Cloud, arn: str, caller: Credentials | None = None, **members: Any) -> Credentials:
    sts = client(cloud, "sts", caller)
    return read_credentials(
        sts.assume_role(RoleArn=arn, RoleSessionName=members.pop("RoleSessionName", "test"), **members)
    )


@dataclass
class Issuer:
    """The OIDC issuer of a cluster: signs service account tokens and publishes its keys."""

    url: str = ISSUER
    key: RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))
    kid: str = "key-1"

    @property
    def host_and_path(self) -> str:
        return self.url.removeprefix("https://")

    def jwks(self) -> Mapping[str, Any]:
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key()))
        return {"keys": [{**public, "kid": self.kid, "use": "sig", "alg": "RS256"}]}

    def token(self, *, key: Any = None, algorithm: str = "RS256", kid: str | None = None, **claims: Any) -> str:
        now = int(time.time())
        all_claims = {
            "iss": self.url,
            "sub": SUBJECT,
            "aud": [AUDIENCE],
            "iat": now,
            "nbf": now,
            "exp": now + 600,
        } | claims
        all_claims = {name: value for name, value in all_claims.items() if value is not None}
        return jwt.encode(all_claims, key or self.key, algorithm=algorithm, headers={"kid": kid or self.kid})

    def publish(self) -> None:
        issuers.register(self.url, self.jwks)

    def register(self, cloud: Cloud, caller: Credentials | None = None) -> str:
        """Create an OIDC provider for the issuer and return its ARN."""
        iam = client(cloud, "iam", caller)
        provider = iam.create_open_id_connect_provider(Url=self.url, ClientIDList=[AUDIENCE])
        return str(provider["OpenIDConnectProviderArn"])

    def trust(self, provider: str, *, operator: str = "StringEquals", **claims: Any) -> str:
        trusted_claims = {"sub": SUBJECT, "aud": AUDIENCE} | claims
        condition = {operator: {f"{self.host_and_path}:{claim}": value for claim, value in trusted_claims.items()}}
        return trust_policy({"Federated": provider}, "sts:AssumeRoleWithWebIdentity", Condition=condition)
