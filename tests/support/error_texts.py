"""Error texts of clients and services that the lab does not run, as their documentation and issues quote them."""

from dataclasses import dataclass

ROLE = "arn:aws:sts::123456789012:assumed-role/app/botocore-session-1700000000"
IN_POD = "eks-access trace serviceaccount NAMESPACE/NAME"
WHOAMI = "eks-access trace whoami"


@dataclass(frozen=True)
class DocumentedText:
    """A text, what it must be recognized as, and the command that it must end in."""

    id: str
    text: str
    command: str
    source: str


DOCUMENTED = (
    DocumentedText(
        "iam-no-identity-based-policy",
        f"software.amazon.awssdk.services.s3.model.S3Exception: User: {ROLE} is not authorized to perform: "
        's3:GetObject on resource: "arn:aws:s3:::data/key" because no identity-based policy allows the s3:GetObject '
        "action (Service: S3, Status Code: 403, Request ID: 7K0D4, Extended Request ID: null)",
        f"{IN_POD} --action s3:GetObject --resource arn:aws:s3:::data/key",
        "AWS SDK for Java 2.x, AwsServiceException.getMessage",
    ),
    DocumentedText(
        "iam-not-authorized",
        f"com.amazonaws.services.sqs.model.AmazonSQSException: User: {ROLE} is not authorized to perform: "
        "sqs:sendmessage on resource: arn:aws:sqs:eu-west-1:123456789012:jobs (Service: AmazonSQS; Status Code: 403; "
        "Error Code: AccessDenied; Request ID: 1)",
        f"{IN_POD} --action sqs:sendmessage --resource arn:aws:sqs:eu-west-1:123456789012:jobs",
        "AWS SDK for Java 1.x, AmazonServiceException.getMessage",
    ),
    DocumentedText(
        "web-identity-not-authorized",
        "software.amazon.awssdk.core.exception.SdkClientException: Unable to load credentials from any of the "
        "providers in the chain AwsCredentialsProviderChain(credentialsProviders=[…]) : […, "
        "WebIdentityTokenCredentialsProvider(): Not authorized to perform "
        "sts:AssumeRoleWithWebIdentity (Service: Sts, Status "
        "Code: 403, Request ID: 1, Extended Request ID: null), ProfileCredentialsProvider(): …]",
        IN_POD,
        "aws-sdk-java-v2 issue 1470",
    ),
    DocumentedText(
        "credentials-missing",
        "com.amazonaws.SdkClientException: Unable to load AWS credentials from any provider in the chain: "
        "[EnvironmentVariableCredentialsProvider: Unable to load AWS credentials from environment variables]",
        WHOAMI,
        "aws-sdk-java issue 1324",
    ),
    DocumentedText(
        "iam-no-permissions-boundary",
        f"User: {ROLE} is not authorized to perform: dynamodb:PutItem on resource: arn:aws:dynamodb:eu-west-1:"
        "123456789012:table/t because no permissions boundary allows the dynamodb:PutItem action",
        f"{IN_POD} --action dynamodb:PutItem --resource arn:aws:dynamodb:eu-west-1:123456789012:table/t",
        "IAM user guide, Troubleshoot access denied error messages",
    ),
    DocumentedText(
        "iam-no-session-policy",
        f"User: {ROLE} is not authorized to perform: codecommit:ListRepositories because no session policy allows the "
        "codecommit:ListRepositories action",
        f"{IN_POD} --action codecommit:ListRepositories",
        "IAM user guide, Troubleshoot access denied error messages",
    ),
    DocumentedText(
        "iam-no-resource-based-policy",
        f"User: {ROLE} is not authorized to perform: secretsmanager:GetSecretValue on resource: arn:aws:secretsmanager:"
        "eu-west-1:210987654321:secret:s because no resource-based policy allows the "
        "secretsmanager:GetSecretValue action",
        f"{IN_POD} --action secretsmanager:GetSecretValue --resource "
        "arn:aws:secretsmanager:eu-west-1:210987654321:secret:s",
        "IAM user guide, Troubleshoot access denied error messages",
    ),
    DocumentedText(
        "iam-node-role",
        "An error occurred (AccessDenied) when calling the ListBuckets operation: User: arn:aws:sts::123456789012:"
        "assumed-role/eks-node/i-0123456789abcdef0 is not authorized to perform: s3:ListAllMyBuckets because no "
        "identity-based policy allows the s3:ListAllMyBuckets action",
        IN_POD,
        "IAM user guide, Using an IAM role to grant permissions to applications running on EC2 instances",
    ),
    DocumentedText(
        "s3-access-denied",
        "botocore.exceptions.ClientError: An error occurred (AccessDenied) when calling the ListObjectsV2 operation: "
        "Access Denied",
        f"{IN_POD} --action s3:ListBucket",
        "Amazon S3 user guide, Troubleshoot access denied (403 Forbidden) errors",
    ),
    DocumentedText(
        "pod-identity-trust",
        '{"level":"error","msg":"Error fetching credentials: error getting credentials to cache: unable to fetch '
        "credentials from EKS Auth: operation error EKS Auth: AssumeRoleForPodIdentity, https response error "
        "StatusCode: 400, RequestID: 1, AccessDeniedException: Unauthorized Exception! EKS does not have "
        'permissions to assume the associated role."}',
        IN_POD,
        "eks-pod-identity-agent, log of the agent",
    ),
    DocumentedText(
        "session-expired",
        "An error occurred (ExpiredToken) when calling the GetCallerIdentity operation: The security token included in "
        "the request is expired",
        WHOAMI,
        "AWS STS API, Common errors; tests/lab/cloud/test_caller_credentials.py has it from boto3",
    ),
    DocumentedText(
        "authenticator-token",
        'time="2026-03-01T10:00:00Z" level=warning msg="access denied" client="127.0.0.1:50482" error="input token was '
        'not properly formatted: X-Amz-Date parameter is expired (15m0s minute expiration)" method=POST',
        WHOAMI,
        "aws-iam-authenticator 0.6.13, pkg/token and pkg/server",
    ),
    DocumentedText(
        "clock",
        "An error occurred (SignatureDoesNotMatch) when calling the GetCallerIdentity operation: Signature expired: "
        "20260301T100000Z is now earlier than 20260301T101000Z (20260301T101500Z - 5 min.)",
        WHOAMI,
        "IAM user guide, Troubleshoot Signature Version 4 requests",
    ),
    DocumentedText(
        "web-identity-token-expired",
        "An error occurred (ExpiredTokenException) when calling the AssumeRoleWithWebIdentity operation: Token "
        "expired: current date/time 1700000000 must be before the expiration date/time 1699990000",
        IN_POD,
        "AWS STS API, AssumeRoleWithWebIdentity",
    ),
    DocumentedText(
        "sso-session",
        "Error loading SSO Token: Token for https://example.awsapps.com/start does not exist",
        WHOAMI,
        "AWS CLI user guide, Troubleshooting errors for the AWS CLI",
    ),
    DocumentedText(
        "exec-plugin-failed",
        "Unable to connect to the server: getting credentials: exec: exit status 255",
        WHOAMI,
        "client-go 0.19, plugin/pkg/client/auth/exec",
    ),
    DocumentedText(
        "exec-plugin-version",
        'error: exec plugin: invalid apiVersion "client.authentication.k8s.io/v1alpha1"',
        WHOAMI,
        "aws-cli issue 6920",
    ),
    DocumentedText(
        "kubernetes-no-server",
        "Unable to connect to the server: dial tcp: lookup 0123ABCD.gr7.eu-west-1.eks.amazonaws.com on 10.0.0.2:53: no "
        "such host",
        WHOAMI,
        "EKS user guide, Troubleshoot problems with Amazon EKS clusters and nodes",
    ),
    DocumentedText(
        "kubernetes-unauthorized",
        'kubernetes.client.exceptions.ApiException: (401)\nReason: Unauthorized\nHTTP response body: {"kind":"Status",'
        '"status":"Failure","message":"Unauthorized","reason":"Unauthorized","code":401}',
        WHOAMI,
        "kubernetes-client/python, ApiException",
    ),
    DocumentedText(
        "kubernetes-forbidden",
        'Error from server (Forbidden): widgets.example.com is forbidden: User "alice" cannot list resource "widgets" '
        'in API group "example.com" at the cluster scope',
        f"{WHOAMI} --verb list --resource widgets.example.com",
        "Kubernetes, Using RBAC Authorization",
    ),
    DocumentedText(
        "kubernetes-forbidden",
        'pods is forbidden: User "system:serviceaccount:team:app" cannot list resource "pods" in API group "" in the '
        'namespace "team"',
        "eks-access what-can team/app",
        "Kubernetes, Using RBAC Authorization",
    ),
    DocumentedText(
        "kubernetes-forbidden",
        'Error from server (Forbidden): pods "web" is forbidden: User "arn:aws:sts::123456789012:assumed-role/ops/ann" '
        'cannot create resource "pods/exec" in API group "" in the namespace "default"',
        "eks-access trace principal arn:aws:sts::123456789012:assumed-role/ops/ann --verb create --resource pods/exec "
        "--namespace default --name web",
        "Kubernetes, Using RBAC Authorization",
    ),
)
