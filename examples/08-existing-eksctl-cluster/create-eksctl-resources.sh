#!/usr/bin/env bash
# Create with aws and kubectl what eksctl creates in a cluster and its account. The lab has no eksctl.
set -euo pipefail
cluster=$1
issuer="$(aws eks describe-cluster --name "$cluster" --query cluster.identity.oidc.issuer --output text)"

# eksctl utils associate-iam-oidc-provider --cluster eks-clu --approve
provider="$(aws iam create-open-id-connect-provider --url "$issuer" --client-id-list sts.amazonaws.com \
  --tags Key=alpha.eksctl.io/cluster-name,Value="$cluster" --query OpenIDConnectProviderArn --output text)"

# eksctl create iamserviceaccount --cluster eks-clu --name reports --approve \
#   --attach-policy-arn arn:aws:iam::aws:policy/AmazonS3FullAccess
role="eksctl-$cluster-addon-iamserviceaccount-default-reports"
arn="$(aws iam create-role --role-name "$role" --query Role.Arn --output text --assume-role-policy-document '{
  "Version": "2012-10-17",
  "Statement": [{
    "Effect": "Allow",
    "Action": "sts:AssumeRoleWithWebIdentity",
    "Principal": {"Federated": "'"$provider"'"},
    "Condition": {"StringEquals": {
      "'"${issuer#https://}"':sub": "system:serviceaccount:default:reports",
      "'"${issuer#https://}"':aud": "sts.amazonaws.com"
    }}
  }]
}')"
aws iam attach-role-policy --role-name "$role" --policy-arn arn:aws:iam::aws:policy/AmazonS3FullAccess
kubectl --context "$cluster" apply --server-side --field-manager eksctl -f - << EOF
apiVersion: v1
kind: ServiceAccount
metadata:
  name: reports
  namespace: default
  labels: {app.kubernetes.io/managed-by: eksctl}
  annotations: {eks.amazonaws.com/role-arn: $arn}
EOF

# eksctl create iamidentitymapping --cluster eks-clu --arn arn:aws:iam::123456789012:user/eks-ope \
#   --username eks-ope --group operators
kubectl --context "$cluster" -n kube-system patch configmap aws-auth --patch-file /dev/stdin << EOF
data:
  mapUsers: |
    - groups:
      - operators
      userarn: arn:aws:iam::123456789012:user/eks-ope
      username: eks-ope
EOF
