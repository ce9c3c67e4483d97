// Command peer is an operator for the product's TransferServer and TransferUser as a competent team would write it in a
// week with controller-runtime and the AWS SDK. The benchmark measures the product beside it; see README.md.
package main

import (
	"flag"
	"os"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"transfer-operator/bench/peer/api/v1alpha1"
	"transfer-operator/bench/peer/internal/awsapi"
	"transfer-operator/bench/peer/internal/controller"
)

// name is that of the lease and of the sender of Events.
const name = "transfer-operator-peer"

type options struct {
	awsEndpoint    string
	metrics        string
	probes         string
	leaderElect    bool
	leaseNamespace string
	concurrency    int
	resync         time.Duration
}

func main() {
	var chosen options
	flag.StringVar(&chosen.awsEndpoint, "aws-endpoint", "",
		"Address of all AWS services. Default: AWS's own, or AWS_ENDPOINT_URL.")
	flag.StringVar(&chosen.metrics, "metrics-bind-address", "0", "Address of the metrics, such as :8080; 0 for none.")
	flag.StringVar(&chosen.probes, "health-probe-bind-address", "0", "Address of the probes, such as :8081; 0 for none.")
	flag.BoolVar(&chosen.leaderElect, "leader-elect", false, "Act only while holding the lease.")
	flag.StringVar(&chosen.leaseNamespace, "leader-election-namespace", "",
		"Namespace of the lease. Default: the pod's own.")
	flag.IntVar(&chosen.concurrency, "max-concurrent-reconciles", 10, "Objects of one kind that are reconciled at once.")
	flag.DurationVar(&chosen.resync, "resync-interval", 10*time.Minute,
		"How often an object is compared with AWS without an edit.")
	logging := zap.Options{}
	logging.BindFlags(flag.CommandLine)
	flag.Parse()
	ctrl.SetLogger(zap.New(zap.UseFlagOptions(&logging)))

	if err := run(chosen); err != nil {
		ctrl.Log.Error(err, "the peer ends")
		os.Exit(1)
	}
}

func run(chosen options) error {
	ctx := ctrl.SetupSignalHandler()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			return err
		}
	}
	kubeconfig, err := ctrl.GetConfig()
	if err != nil {
		return err
	}
	manager, err := ctrl.NewManager(kubeconfig, ctrl.Options{
		Scheme:                  scheme,
		Metrics:                 metricsserver.Options{BindAddress: chosen.metrics},
		HealthProbeBindAddress:  chosen.probes,
		LeaderElection:          chosen.leaderElect,
		LeaderElectionID:        name,
		LeaderElectionNamespace: chosen.leaseNamespace,
		Controller:              config.Controller{MaxConcurrentReconciles: chosen.concurrency},
	})
	if err != nil {
		return err
	}
	if err := manager.AddHealthzCheck("healthz", healthz.Ping); err != nil {
		return err
	}
	if err := manager.AddReadyzCheck("readyz", healthz.Ping); err != nil {
		return err
	}
	clients := &awsapi.Clients{Endpoint: chosen.awsEndpoint}
	servers := &controller.ServerReconciler{
		Client: manager.GetClient(), Live: manager.GetAPIReader(), Clients: clients,
		Events: manager.GetEventRecorder(name), Resync: chosen.resync,
	}
	if err := servers.SetupWithManager(manager); err != nil {
		return err
	}
	users := &controller.UserReconciler{
		Client: manager.GetClient(), Clients: clients,
		Events: manager.GetEventRecorder(name), Resync: chosen.resync,
	}
	if err := users.SetupWithManager(ctx, manager); err != nil {
		return err
	}
	return manager.Start(ctx)
}
