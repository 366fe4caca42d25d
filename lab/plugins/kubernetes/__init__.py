"""Stand-in for the official `kubernetes` plugin: every kind that the API server serves, by discovery.

    settings        the settings of a `pulumi_kubernetes.Provider`
    kubeconfig      the API server and the user that the settings select
    credentials     exec plugins (`aws eks get-token`) and tokens, for HTTP
    client          requests to the API server, and its errors with its own messages
    connection      the client and its discovery, created at the first request
    discovery       the served kinds, their paths, and whether they are namespaced
    objects         type tokens, ids, names and secrets of Kubernetes objects
    inputs          the check of a program's inputs
    replacement     changes that the API server rejects, so that the object is replaced
    diff            the comparison of old and new inputs
    apply           create, update and delete by server-side apply
    target          the object and the options of an operation
    preview         the state that a preview shows
    readiness       the conditions of ready and deleted objects
    configuration   the detection of another cluster in changed settings
    provider        the operations that the engine calls

Deliberate differences to the official plugin: drift is a difference to the state of the last update, not to the inputs,
so that `1`, which the API server writes for `1000m`, is no drift. Helm, Kustomize, YAML rendering and `List` types are
not covered, and are rejected by name.
"""
