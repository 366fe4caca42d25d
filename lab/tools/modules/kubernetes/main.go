// kube-controller-manager with only the controllers that identity on a cluster needs.
//
// The vendor's program compiles 388 packages that the API server does not; this one 68. The controllers are the vendor's
// own, with the settings of kube-controller-manager. The lab's flags have the same names.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/component-base/version"
	"k8s.io/controller-manager/pkg/informerfactory"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/controller/certificates/rootcacertpublisher"
	"k8s.io/kubernetes/pkg/controller/clusterroleaggregation"
	"k8s.io/kubernetes/pkg/controller/garbagecollector"
	"k8s.io/kubernetes/pkg/controller/namespace"
	"k8s.io/kubernetes/pkg/controller/serviceaccount"
)

const (
	// As in kube-controller-manager's defaults.
	queriesPerSecond = 20
	burst            = 30
	resync           = 12 * time.Hour
	namespaceResync  = 5 * time.Minute
	collectorSync    = 30 * time.Second
	workers          = 20
)

// What a controller needs to start.
type cluster struct {
	config    *rest.Config
	informers informers.SharedInformerFactory
	rootCA    []byte
	started   chan struct{} // closed when the informers have started
}

// Functions that create a controller and return the function that runs it, by the names of --controllers.
var controllers = map[string]func(context.Context, *cluster) (func(context.Context), error){
	"serviceaccount-controller":                serviceAccounts,
	"root-ca-certificate-publisher-controller": rootCertificates,
	"clusterrole-aggregation-controller":       clusterRoles,
	"namespace-controller":                     namespaces,
	"garbage-collector-controller":             garbage,
}

func main() {
	kubeconfig := flag.String("kubeconfig", "", "path of a kubeconfig of the administrator")
	names := flag.String("controllers", "", "comma-separated names of the controllers to run")
	rootCA := flag.String("root-ca-file", "", "path of the certificate that kube-root-ca.crt holds")
	flag.Bool("leader-elect", false, "must be false: a cluster runs one of this program")
	flag.Int("secure-port", 0, "must be 0: this program serves nothing")
	printVersion := flag.Bool("version", false, "print the version and end")
	flag.Parse()
	if *printVersion {
		fmt.Printf("Kubernetes %s\n", version.Get())
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx, *kubeconfig, strings.Split(*names, ","), *rootCA); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run starts the controllers, and returns when the context ends.
func run(ctx context.Context, kubeconfig string, names []string, rootCA string) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	config.QPS, config.Burst = queriesPerSecond, burst
	certificate, err := os.ReadFile(rootCA)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	if err := ready(ctx, client); err != nil {
		return err
	}
	cluster := &cluster{config, informers.NewSharedInformerFactory(client, resync), certificate, make(chan struct{})}
	for _, name := range names {
		create, known := controllers[name]
		if !known {
			return fmt.Errorf("--controllers: unknown controller %q; must be one of %s", name, strings.Join(sortedNames(), ", "))
		}
		run, err := create(ctx, cluster)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		go run(ctx)
	}
	cluster.informers.Start(ctx.Done())
	close(cluster.started)
	<-ctx.Done()
	return nil
}

// ready returns when the API server is ready. A controller whose first call fails would retry after half a minute.
func ready(ctx context.Context, client kubernetes.Interface) error {
	return wait.PollUntilContextCancel(ctx, 100*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		return client.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).Error() == nil, nil
	})
}

func sortedNames() []string {
	var names []string
	for name := range controllers {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (cluster *cluster) client(user string, faster float32) (kubernetes.Interface, *rest.Config, error) {
	config := rest.AddUserAgent(rest.CopyConfig(cluster.config), user)
	config.QPS *= faster
	config.Burst = int(float32(config.Burst) * faster)
	client, err := kubernetes.NewForConfig(config)
	return client, config, err
}

func serviceAccounts(ctx context.Context, cluster *cluster) (func(context.Context), error) {
	client, _, err := cluster.client("service-account-controller", 1)
	if err != nil {
		return nil, err
	}
	core := cluster.informers.Core().V1()
	controller, err := serviceaccount.NewServiceAccountsController(
		klog.FromContext(ctx), core.ServiceAccounts(), core.Namespaces(), client,
		serviceaccount.DefaultServiceAccountsControllerOptions(),
	)
	return func(ctx context.Context) { controller.Run(ctx, 1) }, err
}

func rootCertificates(_ context.Context, cluster *cluster) (func(context.Context), error) {
	client, _, err := cluster.client("root-ca-cert-publisher", 1)
	if err != nil {
		return nil, err
	}
	core := cluster.informers.Core().V1()
	publisher, err := rootcacertpublisher.NewPublisher(core.ConfigMaps(), core.Namespaces(), client, cluster.rootCA)
	return func(ctx context.Context) { publisher.Run(ctx, 1) }, err
}

func clusterRoles(_ context.Context, cluster *cluster) (func(context.Context), error) {
	client, _, err := cluster.client("clusterrole-aggregation-controller", 1)
	if err != nil {
		return nil, err
	}
	controller := clusterroleaggregation.NewClusterRoleAggregation(cluster.informers.Rbac().V1().ClusterRoles(), client.RbacV1())
	return func(ctx context.Context) { controller.Run(ctx, 5) }, nil
}

func namespaces(ctx context.Context, cluster *cluster) (func(context.Context), error) {
	// Deleting a namespace takes many calls: kube-controller-manager gives this controller a higher limit too.
	client, config, err := cluster.client("namespace-controller", 20)
	if err != nil {
		return nil, err
	}
	objects, err := metadata.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	controller := namespace.NewNamespaceController(
		ctx, client, objects, client.Discovery().ServerPreferredNamespacedResources,
		cluster.informers.Core().V1().Namespaces(), namespaceResync, corev1.FinalizerKubernetes,
	)
	return func(ctx context.Context) { controller.Run(ctx, workers/2) }, nil
}

func garbage(ctx context.Context, cluster *cluster) (func(context.Context), error) {
	client, config, err := cluster.client("generic-garbage-collector", 2)
	if err != nil {
		return nil, err
	}
	objects, err := metadata.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	discovered, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return nil, err
	}
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(discovered))
	generic := informerfactory.NewInformerFactory(
		cluster.informers, metadatainformer.NewSharedInformerFactory(objects, resync),
	)
	graph := garbagecollector.NewDependencyGraphBuilder(
		ctx, objects, mapper, garbagecollector.DefaultIgnoredResources(), generic, cluster.started,
	)
	collector, err := garbagecollector.NewComposedGarbageCollector(ctx, client, objects, mapper, graph)
	return func(ctx context.Context) {
		go collector.Sync(ctx, discovered, collectorSync)
		collector.Run(ctx, workers, collectorSync)
	}, err
}
