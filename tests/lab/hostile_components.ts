// Components with values that JavaScript passes to the SDK, whatever its types say.
const eks = require("@pulumi/eks-identity");
const pulumi = require("@pulumi/pulumi");

const secret = () => pulumi.secret("zq7xmark");
const deep = (levels: number): unknown => (levels ? [deep(levels - 1)] : "x");
const nothing = pulumi.output(undefined);
const provider = "arn:aws:iam::123456789012:oidc-provider/example.com";
const hostile: Record<string, object> = {
    Addon: {
        cluster: { accountId: "role_name", kubeconfig: { token: secret() } },
        addonName: new Map([["role_name", 1]]),
        preserve: "true",
        statements: [{ actions: [1, , 3], resources: pulumi.output(["*"]), conditions: [{ test: Buffer.from("a") }] }],
    },
    Cluster: {
        create: { serviceRole: Promise.resolve(7), vpcCniOptions: { enableNetworkPolicy: "yes" } },
        nodeGroups: { role_name: { scalingConfig: { minSize: [NaN] } } },
    },
    ClusterAccess: {
        cluster: null,
        group: NaN,
        rbacRoles: [{ name: "view", bindingName: new Date(0) }, { name: "edit", rules: [{ apiGroups: deep(20) }] }],
        principals: [{ arn: nothing, accountId: -Infinity }, { permissionSet: { roleName: "role_name" } }],
        tags: { role_name: Infinity, "\u001b[31m": Symbol("a") },
        expires: secret(),
    },
    IrsaRole: {
        oidcProviderArns: [provider],
        subjects: [{ namespace: "service_account", name: "cart\u001b[31m\u202e" }],
        roleName: "role_name/".repeat(2000),
        permissionsBoundary: "binding_name",
        inlinePolicies: { role_name: "{".repeat(50) },
    },
    NodeIsolation: { tags: deep(500), diskSize: "50" },
    ServiceAccount: {
        namespace: new pulumi.asset.StringAsset("x"),
        name: JSON.parse('{"__proto__": {"roleName": 1}, "constructor": "x"}'),
        roleArn: { roleArn: secret() },
        tokenExpiration: 2 ** 70 + 0.5,
        stsRegionalEndpoints: () => true,
    },
};

const only = "";
for (const [component, args] of Object.entries(hostile)) {
    if (!only || only === component) new eks[component]("hostile", args);
}
