#!/usr/bin/env bash
# Create in a cluster and its account what eksctl creates: with eksctl if it is on PATH, otherwise with aws and kubectl.
set -euo pipefail
cluster=$1
policy=arn:aws:iam::aws:policy/AmazonS3FullAccess
account="$(aws sts get-caller-identity --query Account --output text)"
user="arn:aws:iam::$account:user/eks-ope"

if command -v eksctl > /dev/null; then
  eksctl utils associate-iam-oidc-provider --cluster "$cluster" --approve
  eksctl create iamserviceaccount --cluster "$cluster" --name reports --attach-policy-arn $policy --approve
  eksctl create iamidentitymapping --cluster "$cluster" --arn "$user" --username eks-ope --group operators
  exit
fi

tags=("Key=alpha.eksctl.io/cluster-name,Value=$cluster" Key=alpha.eksctl.io/eksctl-version,Value=0.215.0)

# eksctl utils associate-iam-oidc-provider
issuer="$(aws eks describe-cluster --name "$cluster" --query cluster.identity.oidc.issuer --output text)"
provider="$(aws iam create-open-id-connect-provider --url "$issuer" --client-id-list sts.amazonaws.com \
  --tags "${tags[@]}" --query OpenIDConnectProviderArn --output text)"

# eksctl create iamserviceaccount: a stack with the role, and the service account
stack="eksctl-$cluster-addon-iamserviceaccount-default-reports"
aws cloudformation create-stack --stack-name "$stack" --capabilities CAPABILITY_IAM \
  --tags "${tags[@]}" "Key=eksctl.cluster.k8s.io/v1alpha1/cluster-name,Value=$cluster" \
  Key=alpha.eksctl.io/iamserviceaccount-name,Value=default/reports --template-body '{
  "AWSTemplateFormatVersion": "2010-09-09",
  "Description": "IAM role for serviceaccount \"default/reports\" [created and managed by eksctl]",
  "Resources": {
    "Role1": {
      "Type": "AWS::IAM::Role",
      "Properties": {
        "AssumeRolePolicyDocument": {
          "Version": "2012-10-17",
          "Statement": [{
            "Effect": "Allow",
            "Action": ["sts:AssumeRoleWithWebIdentity"],
            "Principal": {"Federated": "'"$provider"'"},
            "Condition": {"StringEquals": {
              "'"${issuer#https://}"':aud": "sts.amazonaws.com",
              "'"${issuer#https://}"':sub": "system:serviceaccount:default:reports"
            }}
          }]
        },
        "ManagedPolicyArns": ["'$policy'"]
      }
    }
  },
  "Outputs": {"Role1": {"Value": {"Fn::GetAtt": "Role1.Arn"}}}
}'
aws cloudformation wait stack-create-complete --stack-name "$stack"
role="$(aws cloudformation describe-stacks --stack-name "$stack" --query 'Stacks[0].Outputs[0].OutputValue' --output text)"
kubectl --context "$cluster" create --field-manager eksctl -f - << EOF
apiVersion: v1
kind: ServiceAccount
metadata:
  name: reports
  namespace: default
  labels: {app.kubernetes.io/managed-by: eksctl}
  annotations: {eks.amazonaws.com/role-arn: $role}
EOF

# eksctl create iamidentitymapping
kubectl --context "$cluster" -n kube-system patch configmap aws-auth --field-manager eksctl --patch-file /dev/stdin << EOF
data:
  mapUsers: |
    - groups:
      - operators
      userarn: $user
      username: eks-ope
EOF
