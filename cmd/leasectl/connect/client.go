package connect

import (
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

// RequestTimeout bounds each request of the lease verbs that is not a watch or a stream.
const RequestTimeout = 30 * time.Second

// fieldManager is who leasectl is in metadata.managedFields.
const fieldManager = "leasectl"

// Scheme knows the objects of the API.
var Scheme = func() *runtime.Scheme {
	scheme := runtime.NewScheme()
	utilruntime.Must(v1alpha1.AddToScheme(scheme))
	return scheme
}()

// Client opens a typed client. It does not talk to the server yet.
func Client(getter genericclioptions.RESTClientGetter) (client.WithWatch, error) {
	config, err := getter.ToRESTConfig()
	if err != nil {
		return nil, err
	}
	return client.NewWithWatch(config, client.Options{
		Scheme:     Scheme,
		Mapper:     mapper(),
		FieldOwner: fieldManager,
	})
}

// REST opens a client of the API group for what a typed client can't do, such as
// reading a stream. It does not talk to the server yet.
func REST(getter genericclioptions.RESTClientGetter) (*rest.RESTClient, error) {
	config, err := getter.ToRESTConfig()
	if err != nil {
		return nil, err
	}
	config = rest.CopyConfig(config)
	config.APIPath = "/apis"
	config.GroupVersion = &v1alpha1.SchemeGroupVersion
	config.NegotiatedSerializer = serializer.NewCodecFactory(Scheme).WithoutConversion()
	return rest.RESTClientFor(config)
}

// Namespace is the one that the flags and the kubeconfig name, or "default".
func Namespace(getter genericclioptions.RESTClientGetter) (string, error) {
	namespace, _, err := getter.ToRawKubeConfigLoader().Namespace()
	return namespace, err
}

// LeaseName takes the name of a lease as people and programs write it: "demo",
// "lease/demo", or what `-o name` prints.
func LeaseName(arg string) (string, error) {
	resource, name, qualified := strings.Cut(arg, "/")
	if !qualified {
		name = arg
	}
	if name == "" {
		return "", fmt.Errorf("the name of a lease can't be empty")
	}
	if qualified {
		switch strings.TrimSuffix(strings.ToLower(resource), "."+v1alpha1.GroupName) {
		case "containerlease", "containerleases", "lease", "leases", "cl":
		default:
			return "", fmt.Errorf("%q is not a lease: expected NAME or lease/NAME", arg)
		}
	}
	return name, nil
}

// mapper names the resources of the API without asking the server, which saves each
// verb the discovery.
func mapper() meta.RESTMapper {
	mapper := meta.NewDefaultRESTMapper([]schema.GroupVersion{v1alpha1.SchemeGroupVersion})
	mapper.Add(v1alpha1.SchemeGroupVersion.WithKind("ContainerLease"), meta.RESTScopeNamespace)
	mapper.Add(v1alpha1.SchemeGroupVersion.WithKind("BillingRecord"), meta.RESTScopeNamespace)
	mapper.Add(v1alpha1.SchemeGroupVersion.WithKind("LeaseClass"), meta.RESTScopeRoot)
	return mapper
}
