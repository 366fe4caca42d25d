"""Constants and trust policies of the EKS tests."""

import json

ACCOUNT = "123456789012"
REGION = "ap-northeast-1"
ADMINISTRATOR = "lab-admin"
QUICK = {"Delay": 0.02, "MaxAttempts": 1500}


def trust(*services: str, actions: tuple[str, ...] = ("sts:AssumeRole",)) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": list(services)}, "Action": list(actions)}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


POD_TRUST = trust("pods.eks.amazonaws.com", actions=("sts:AssumeRole", "sts:TagSession"))
EVERYTHING = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
