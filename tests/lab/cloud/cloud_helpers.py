"""What the cloud's tests share: clients as a program in the lab's environment has them, policies, and an issuer."""

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
    who: Credentials | None = None,
    *,
    config: Config | None = None,
    region: str | None = None,
    **more: Any,
) -> Any:
    """A boto3 client that finds AWS as any program does: through the proxy, with no endpoint set."""
    who = who or cloud.administrator
    base = Config(proxies={"https": cloud.access.proxy_url}, retries={"total_max_attempts": 1})
    return _session().client(
        service,
        region_name=region or cloud.region,
        aws_access_key_id=who.access_key_id,
        aws_secret_access_key=who.secret_access_key,
        aws_session_token=who.session_token,
        verify=cloud.access.ca_file,
        config=base.merge(config) if config else base,
        **more,
    )


@cache
def _session() -> boto3.Session:
    """One for all clients: reading the models is the slow part."""
    return boto3.Session()


def anonymous(cloud: Cloud, service: str) -> Any:
    """A client that signs nothing."""
    return client(cloud, service, Credentials("none", "none"), config=Config(signature_version=UNSIGNED))


def aws(
    cloud: Cloud, *arguments: str, home: Path, who: Credentials | None = None, extra: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """The `aws` command in a clean environment with a HOME of its own (it caches credentials there)."""
    home.mkdir(exist_ok=True)
    environment = {**clean_environment(os.environ), **cloud.access.environment(), "HOME": str(home), **(extra or {})}
    environment |= {"AWS_EC2_METADATA_DISABLED": "true", "AWS_PAGER": "", "AWS_MAX_ATTEMPTS": "1"}
    if who is not None:
        environment |= {"AWS_ACCESS_KEY_ID": who.access_key_id, "AWS_SECRET_ACCESS_KEY": who.secret_access_key}
        environment |= {"AWS_SESSION_TOKEN": who.session_token} if who.session_token else {}
    return subprocess.run(
        [str(AWS_CLI), *arguments], env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def error(call: Callable[[], Any]) -> tuple[str, str]:
    """(code, message) of the error that `call` ends with."""
    try:
        answer = call()
    except ClientError as refused:
        return refused.response["Error"]["Code"], refused.response["Error"]["Message"]
    raise AssertionError(f"allowed: {answer}")


def code(call: Callable[[], Any]) -> str:
    return error(call)[0]


def document(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(*actions: str, on: str | list[str] = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": on, **more}


def deny(*actions: str, on: str | list[str] = "*", **more: Any) -> dict[str, Any]:
    return {**allow(*actions, on=on, **more), "Effect": "Deny"}


def trusts(principal: Any, *actions: str, **more: Any) -> str:
    return document({"Effect": "Allow", "Principal": principal, "Action": list(actions or ["sts:AssumeRole"]), **more})


def credentials(answer: Mapping[str, Any]) -> Credentials:
    """The credentials in an answer of STS."""
    given = answer["Credentials"]
    return Credentials(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], given["Expiration"])


def name(prefix: str) -> str:
    """A name that no other test has."""
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


def new_user(cloud: Cloud, *statements: Mapping[str, Any], **more: Any) -> tuple[str, Credentials]:
    """A user with one inline policy: its name and its key."""
    iam = client(cloud, "iam")
    user = name("user")
    iam.create_user(UserName=user, **more)
    if statements:
        iam.put_user_policy(UserName=user, PolicyName="inline", PolicyDocument=document(*statements))
    key = iam.create_access_key(UserName=user)["AccessKey"]
    return user, Credentials(key["AccessKeyId"], key["SecretAccessKey"])


def new_role(
    cloud: Cloud, trust: str, *statements: Mapping[str, Any], who: Credentials | None = None, **more: Any
) -> str:
    """A role with one inline policy: its ARN."""
    iam = client(cloud, "iam", who)
    role = more.pop("RoleName", None) or name("role")
    arn: str = iam.create_role(RoleName=role, AssumeRolePolicyDocument=trust, **more)["Role"]["Arn"]
    if statements:
        iam.put_role_policy(RoleName=role, PolicyName="inline", PolicyDocument=document(*statements))
    return arn


def assume(cloud: Cloud, arn: str, who: Credentials | None = None, **more: Any) -> Credentials:
    sts = client(cloud, "sts", who)
    return credentials(sts.assume_role(RoleArn=arn, RoleSessionName=more.pop("RoleSessionName", "test"), **more))


@dataclass
class Issuer:
    """A cluster's side of IRSA: signs service account tokens, publishes its keys."""

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
        stated = {"iss": self.url, "sub": SUBJECT, "aud": [AUDIENCE], "iat": now, "nbf": now, "exp": now + 600} | claims
        stated = {name: value for name, value in stated.items() if value is not None}
        return jwt.encode(stated, key or self.key, algorithm=algorithm, headers={"kid": kid or self.kid})

    def publish(self) -> None:
        issuers.register(self.url, self.jwks)

    def register(self, cloud: Cloud, who: Credentials | None = None) -> str:
        """Make it an OIDC provider of an account; its ARN."""
        iam = client(cloud, "iam", who)
        answer = iam.create_open_id_connect_provider(Url=self.url, ClientIDList=[AUDIENCE])
        return str(answer["OpenIDConnectProviderArn"])

    def trust(self, provider: str, *, operator: str = "StringEquals", **claims: Any) -> str:
        asked = {"sub": SUBJECT, "aud": AUDIENCE} | claims
        condition = {operator: {f"{self.host_and_path}:{claim}": value for claim, value in asked.items()}}
        return trusts({"Federated": provider}, "sts:AssumeRoleWithWebIdentity", Condition=condition)
