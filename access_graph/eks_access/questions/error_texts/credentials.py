"""Texts about credentials: web identity tokens, Pod Identity, access keys, sessions and the clock.

Codes of the same error differ by the protocol of the service: `InvalidClientTokenId` of STS is
`UnrecognizedClientException` of EKS, `InvalidAccessKeyId` of S3 and `AuthFailure` of EC2.
"""

from __future__ import annotations

import re

from eks_access.questions.error_texts.error_text import (
    Chain,
    ErrorText,
    whoami,
    workload,
    workload_or_whoami,
)

_WORKLOAD = Chain.WORKLOAD_IDENTITY
_CREDENTIALS = Chain.CREDENTIALS

_WEB_IDENTITY = (
    ErrorText(
        "web-identity-not-authorized",
        re.compile(r"Not authorized to perform sts:AssumeRoleWithWebIdentity"),
        "Not authorized to perform sts:AssumeRoleWithWebIdentity",
        _WORKLOAD,
        "STS accepted the pod's token, and the role's trust policy does not accept its service account.",
        "the trust policy: issuer, subject or audience differ by a character; or the role does not exist",
        workload,
    ),
    ErrorText(
        "web-identity-no-provider",
        re.compile(r"No OpenIDConnect provider found in your account for ?(?P<issuer>\S*)"),
        "No OpenIDConnect provider found in your account for https://oidc.eks.…",
        _WORKLOAD,
        "The account of the role has no IAM OIDC provider for the token's issuer {issuer}.",
        "the OIDC provider: none for this cluster, or the role in the annotation is of another account",
        workload,
    ),
    ErrorText(
        "web-identity-audience",
        re.compile(r"Incorrect token audience"),
        "Incorrect token audience",
        _WORKLOAD,
        "The IAM OIDC provider does not list the audience of the pod's token.",
        "the OIDC provider: its client ids must have sts.amazonaws.com, or the annotation another audience",
        workload,
    ),
    ErrorText(
        "web-identity-token-expired",
        re.compile(r"ExpiredTokenException\).*AssumeRoleWithWebIdentity|Token expired: current date/time"),
        "(ExpiredTokenException) when calling the AssumeRoleWithWebIdentity operation",
        _WORKLOAD,
        "The web identity token of the pod is expired.",
        "the pod's credentials: an SDK that reads the token file only once, or a token that was copied",
        workload,
    ),
    ErrorText(
        "web-identity-invalid-token",
        re.compile(r"InvalidIdentityToken"),
        "InvalidIdentityToken: …",
        _WORKLOAD,
        "STS does not accept the pod's token: it cannot verify its signature or its issuer.",
        "the OIDC provider, or a token that is not one of the cluster",
        workload,
    ),
    ErrorText(
        "web-identity-token-file",
        re.compile(
            r"failed to retrieve jwt from provide source|"
            r"(?:No such file or directory|ENOENT)[^:]*:? .*serviceaccount/token|WebIdentityTokenFile"
        ),
        "failed to retrieve jwt from provide source, unable to read file at …",
        _WORKLOAD,
        "The SDK cannot read the token file that AWS_WEB_IDENTITY_TOKEN_FILE names.",
        "the pod's credentials: the pod is older than the annotation, or its user may not read the file",
        workload,
    ),
)
_POD_IDENTITY = (
    ErrorText(
        "pod-identity-trust",
        re.compile(r"EKS does not have permissions to assume the associated role"),
        "EKS does not have permissions to assume the associated role",
        _WORKLOAD,
        "EKS Auth may not assume the role of the Pod Identity association.",
        "the trust policy: it must allow pods.eks.amazonaws.com sts:AssumeRole and sts:TagSession",
        workload,
    ),
    ErrorText(
        "pod-identity-rejected",
        re.compile(r"AssumeRoleForPodIdentity"),
        "… when calling the AssumeRoleForPodIdentity operation: …",
        _WORKLOAD,
        "EKS Auth gives the pod no credentials for its token.",
        "the Pod Identity association of its service account, or the permissions of the node's role",
        workload,
    ),
    ErrorText(
        "pod-identity-agent",
        re.compile(
            r"retrieving credentials from container-role|169\.254\.170\.23|"
            r"failed to load credentials, .*/v1/credentials|Error fetching credentials: "
        ),
        "Error when retrieving credentials from container-role: …",
        _WORKLOAD,
        "The SDK got no credentials from the EKS Pod Identity Agent of the pod's node.",
        "the link of the Pod Identity Agent: not installed, or blocked by a network policy or a proxy",
        workload,
    ),
)
_CLOCK = (
    ErrorText(
        "clock",
        re.compile(
            r"Signature expired: |Signature not yet current|RequestTimeTooSkewed|RequestExpired|RequestInTheFuture"
        ),
        "SignatureDoesNotMatch … Signature expired: … is now earlier than …",
        _CREDENTIALS,
        "The time of the signature is more than 5 minutes (S3: 15) from the time of AWS.",
        "the clock of this machine, or an access key that expired meanwhile",
        whoami,
    ),
)
_KEYS = (
    ErrorText(
        "access-key-secret",
        re.compile(r"SignatureDoesNotMatch|InvalidSignatureException|signature we calculated does not match"),
        "(SignatureDoesNotMatch) … The request signature we calculated does not match …",
        _CREDENTIALS,
        "The access key exists, and the secret with which the client signs is not that of the key.",
        "the secret access key: cut off when copied, or of another key; a proxy may also change the request",
        workload_or_whoami,
    ),
    ErrorText(
        "session-expired",
        re.compile(r"ExpiredToken|security token included in the request is expired|provided token has expired"),
        "(ExpiredToken) … The security token included in the request is expired",
        _CREDENTIALS,
        "The credentials are of a session that has expired.",
        "the credentials: sign in again; a pod refreshes its own, unless its environment has copied ones",
        workload_or_whoami,
    ),
    ErrorText(
        "access-key-unknown",
        re.compile(
            r"InvalidClientTokenId|UnrecognizedClientException|InvalidAccessKeyId|"
            r"not able to validate the provided access credentials|security token included in the request is invalid"
        ),
        "(InvalidClientTokenId) … The security token included in the request is invalid",
        _CREDENTIALS,
        "AWS has no active access key with this id.",
        "the access key: inactive or deleted, or of another partition, or its session token is missing",
        workload_or_whoami,
    ),
    ErrorText(
        "sso-session",
        re.compile(
            r"Error loading SSO Token|Token has expired and refresh failed|SSO session .*expired|SSOTokenProvider"
        ),
        "Error loading SSO Token: …",
        _CREDENTIALS,
        "The profile signs in with IAM Identity Center, and that session has expired or does not exist.",
        "the credentials: run `aws sso login`",
        whoami,
    ),
    ErrorText(
        "profile-missing",
        re.compile(r"The config profile \((?P<profile>[^)]+)\) could not be found"),
        "The config profile (…) could not be found",
        _CREDENTIALS,
        "The AWS configuration has no profile {profile}.",
        "AWS_PROFILE of the shell, or the profile in the kubeconfig's command",
        whoami,
    ),
    ErrorText(
        "region-missing",
        re.compile(r"You must specify a region|Invalid Configuration: Missing Region|Region is missing"),
        "You must specify a region",
        _CREDENTIALS,
        "Neither the call nor the AWS configuration names a region.",
        "the profile: a pod gets AWS_REGION from the webhook only with a role annotation or an association",
        workload_or_whoami,
    ),
    ErrorText(
        "credentials-missing",
        re.compile(
            r"Unable to locate credentials|NoCredentialsError|no EC2 IMDS role found|NoCredentialProviders|"
            r"Could not load credentials from any providers|CredentialsProviderError|Credential is missing|"
            r"Unable to load (?:AWS )?credentials from any (?:of the providers|provider) in the chain"
        ),
        "Unable to locate credentials",
        _CREDENTIALS,
        "The client found no AWS credentials in any of the places in which it looks.",
        "the profile or the environment of the shell; in a pod, the service account has no role "
        "(pass --pod or --service-account to trace it)",
        workload_or_whoami,
    ),
)
TEXTS = (*_WEB_IDENTITY, *_POD_IDENTITY, *_CLOCK, *_KEYS)
"""In the order in which they are searched: a specific text before a general one."""
