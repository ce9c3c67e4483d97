package main

import (
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/cli-runtime/pkg/resource"
	"k8s.io/client-go/dynamic/fake"
	"k8s.io/kubectl/pkg/cmd/wait"
)

// kubectlWaits says whether `kubectl wait --for=condition=Ready --timeout=0` succeeds for this object: kubectl's own
// command, on a client in memory.
func kubectlWaits(object *unstructured.Unstructured) (bool, error) {
	getter, server, nowhere := genericclioptions.NewConfigFlags(false), "http://127.0.0.1:1", "/dev/null"
	getter.APIServer, getter.KubeConfig = &server, &nowhere
	flags := wait.NewWaitFlags(getter, genericiooptions.NewTestIOStreamsDiscard())
	flags.ForCondition, flags.Timeout = []string{"condition=Ready"}, 0
	// The object is found below, not by the discovery of a server.
	flags.ResourceBuilderFlags.WithLocal(true)
	options, err := flags.ToOptions([]string{object.GetName()})
	if err != nil {
		return false, err
	}
	kind := object.GroupVersionKind()
	plural, _ := meta.UnsafeGuessKindToResource(kind)
	lists := map[schema.GroupVersionResource]string{plural: kind.Kind + "List"}
	options.DynamicClient = fake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), lists, object.DeepCopy())
	scope := meta.RESTScope(meta.RESTScopeNamespace)
	if object.GetNamespace() == "" {
		scope = meta.RESTScopeRoot
	}
	options.ResourceFinder = genericclioptions.NewSimpleFakeResourceFinder(&resource.Info{
		Mapping:   &meta.RESTMapping{Resource: plural, GroupVersionKind: kind, Scope: scope},
		Namespace: object.GetNamespace(),
		Name:      object.GetName(),
		Object:    object,
	})
	err = options.RunWait()
	if err != nil && strings.HasPrefix(err.Error(), "condition not met for ") {
		return false, nil
	}
	return err == nil, err
}
