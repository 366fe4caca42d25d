"""IAM principals of a lab with access entries that have random access policies and groups."""

from __future__ import annotations

import json
from dataclasses import dataclass
from random import Random
from typing import Any

import boto3

from eks_access.sources.live_connection import sign_token
from eks_identity.evaluation.access_policy_rules import ACCESS_POLICY_RULES
from lab.lab_dir import LabDir
from lab.principals import client, session

REGION, ACCOUNT = "ap-northeast-1", "123456789012"
SCOPES = (
    *((), (), ("rbac-oracle-a",), ("rbac-oracle-*",), ("other*", "default")),
    *(("r*", "rbac-oracle-b"), ("rbac-oracle",)),
)
"""Namespaces of an access policy; none is the whole cluster."""
SESSION = "me@example.com"
_POLICY_ARN = "arn:aws:eks::aws:cluster-access-policy/"
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
    ],
}


@dataclass(frozen=True)
class EntryPrincipal:
    """A user, or a role with the session that signs the token."""

    arn: str
    token: str
    session: str = ""


class AccessPolicyPrincipals:
    """The principals and entries of one cluster. `delete` removes them."""

    def __init__(self, home: LabDir, cluster: str, random: Random) -> None:
        self._home = home
        self._cluster = cluster
        self._random = random
        self._iam, self._eks = client(home, "iam"), client(home, "eks")
        self._created: list[EntryPrincipal] = []

    def create(self, number: int) -> EntryPrincipal:
        """Create a principal whose entry has up to two groups and up to three access policies."""
        created = self._create_role(f"oracle-{number}") if number % 3 == 0 else self._create_user(f"oracle-{number}")
        self._created.append(created)
        groups = self._random.sample([f"group-{each}" for each in range(4)], self._random.randint(0, 2))
        self._eks.create_access_entry(clusterName=self._cluster, principalArn=created.arn, kubernetesGroups=groups)
        names = list(ACCESS_POLICY_RULES)
        # Every policy is associated once, and others at random.
        for name in {names[number % len(names)], *self._random.sample(names, self._random.randint(0, 2))}:
            namespaces = list(self._random.choice(SCOPES))
            scope = {"type": "namespace", "namespaces": namespaces} if namespaces else {"type": "cluster"}
            self._eks.associate_access_policy(
                clusterName=self._cluster, principalArn=created.arn, policyArn=_POLICY_ARN + name, accessScope=scope
            )
        return created

    def delete(self) -> None:
        for created in self._created:
            self._eks.delete_access_entry(clusterName=self._cluster, principalArn=created.arn)
            name = created.arn.rpartition("/")[2]
            if created.session:
                self._iam.delete_role(RoleName=name)
                continue
            for key in self._iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:
                self._iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
            self._iam.delete_user(UserName=name)

    def _create_user(self, name: str) -> EntryPrincipal:
        arn = self._iam.create_user(UserName=name, Path="/oracle/")["User"]["Arn"]
        return EntryPrincipal(arn, self._token(session(self._home, name)))

    def _create_role(self, name: str) -> EntryPrincipal:
        trust = json.dumps(_TRUST)
        arn = self._iam.create_role(RoleName=name, Path="/oracle/", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
        keys = client(self._home, "sts").assume_role(RoleArn=arn, RoleSessionName=SESSION)["Credentials"]
        assumed = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], REGION)
        return EntryPrincipal(arn, self._token(assumed), SESSION)

    def _token(self, signer: Any) -> str:
        return sign_token(signer, REGION, self._cluster)
