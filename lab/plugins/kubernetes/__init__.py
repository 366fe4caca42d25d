"""A stand-in for the official `kubernetes` plugin: any kind that a real API server serves, found by discovery.

    settings        what a `pulumi_kubernetes.Provider` is configured with
    kubeconfig      which API server that means, and as whom
    credentials     exec plugins (`aws eks get-token`) and tokens, for HTTP
    client          requests to the API server; its answers as errors in its own words
    connection      the client and what it has discovered, made when first needed
    discovery       which kinds are served, where, and whether they have namespaces
    objects         names, ids and shapes of Kubernetes objects as Pulumi sees them
    inputs          what a check makes of a program's inputs
    replacement     which changes the API server would refuse, so that the object must be replaced
    diff            inputs compared with inputs
    apply           create, change and delete by server-side apply
    readiness       when an object counts as ready, and when as gone
    configuration   when a change of settings means another cluster
    provider        the life cycle that the engine drives

Differences to the official plugin, all deliberate: drift is what differs from the state of the last update, not from
the inputs, so a server that writes `1000m` as `1` is never taken for drift; and Helm, Kustomize, YAML rendering and
`List` types are refused by name.
"""
