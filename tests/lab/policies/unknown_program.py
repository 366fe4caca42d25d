"""Program whose trust policy a preview does not know: it has the ARN of a provider that the update creates.

With `clean` the trust policy has its conditions.
"""

import json

import pulumi
import pulumi_aws as aws

clean = pulumi.Config().get_bool("clean") or False
HOST = "oidc.eks.ap-northeast-1.amazonaws.com/id/11111111111111111111111111111111"
provider = aws.iam.OpenIdConnectProvider("main", url=f"https://{HOST}", client_id_lists=["sts.amazonaws.com"])
CONDITION = {
    "StringEquals": {f"{HOST}:sub": "system:serviceaccount:shop:app", f"{HOST}:aud": "sts.amazonaws.com"},
}


def trust(arn):
    statement = {"Effect": "Allow", "Principal": {"Federated": arn}, "Action": "sts:AssumeRoleWithWebIdentity"}
    document = {"Version": "2012-10-17", "Statement": [statement | ({"Condition": CONDITION} if clean else {})]}
    return json.dumps(document)


aws.iam.Role("app", name="policies-unknown", assume_role_policy=provider.arn.apply(trust))
