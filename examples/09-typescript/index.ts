// Read-only access for an IAM user, and a bucket for a pod.

import { Cluster, ClusterAccess, OidcProvider, WorkloadIdentity } from "@pulumi/eks-identity";
import { Provider } from "@pulumi/kubernetes/provider";
import * as pulumi from "@pulumi/pulumi";

const config = new pulumi.Config();
const bucket = config.require("bucketArn");

const cluster = new Cluster("cluster", { name: config.require("cluster") });
const onCluster = {
    providers: [
        new Provider("cluster", {
            kubeconfig: cluster.kubeconfig,
            enableServerSideApply: true,
            enableConfigMapMutable: true,
        }),
    ],
};

new ClusterAccess(
    "operators",
    {
        cluster: cluster.connection,
        group: "operators",
        rbacRoles: [{ name: "operators", rules: [{ resources: ["pods", "nodes"], verbs: ["get", "list", "watch"] }] }],
        principals: [{ arn: config.require("principal") }],
        accessMethod: "aws-auth",
    },
    onCluster,
);

const provider = new OidcProvider("provider", { issuer: cluster.issuer });
const reader = new WorkloadIdentity(
    "reader",
    {
        cluster: cluster.connection,
        namespace: "default",
        serviceAccount: "reader",
        mode: "irsa",
        oidcProviderArn: provider.arn,
        statements: [
            { actions: ["s3:ListBucket"], resources: [bucket] },
            { actions: ["s3:GetObject"], resources: [`${bucket}/*`] },
        ],
    },
    onCluster,
);

export const roleArn = reader.roleArn;
