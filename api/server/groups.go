package server

import (
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/registry/generic"
	"k8s.io/apiserver/pkg/registry/rest"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/utils/clock"

	"github.com/containerlease/containerlease/api/server/registry/billingrecord"
	"github.com/containerlease/containerlease/api/server/registry/containerlease"
	"github.com/containerlease/containerlease/api/server/registry/coordination"
	"github.com/containerlease/containerlease/api/server/registry/event"
	"github.com/containerlease/containerlease/api/server/registry/leaseclass"
	"github.com/containerlease/containerlease/api/server/registry/namespace"
	"github.com/containerlease/containerlease/api/server/registry/review"
	"github.com/containerlease/containerlease/api/server/scheme"
	"github.com/containerlease/containerlease/api/v1alpha1"
)

// resources are what is served under one group and version, subresources as "plural/sub".
type resources map[string]rest.Storage

// groups is everything that is served.
type groups struct {
	core resources
	// named are the API groups that have a name, in the order of discovery.
	named []group
	// classes is needed by admission, too.
	classes leaseclass.Storage
}

type group struct {
	schema.GroupVersion
	resources
}

// newGroups makes all registries. stop ends streams that would go on for ever.
func newGroups(options generic.RESTOptionsGetter, logs LogStreamer, stats StatsStreamer, auth authorizer.UnconditionalAuthorizer,
	resolver authorizer.RuleResolver, clock clock.PassiveClock, stop <-chan struct{},
) (*groups, error) {
	classes, err := leaseclass.New(options)
	if err != nil {
		return nil, err
	}
	leases, leaseStatus, err := containerlease.New(options, classes, clock)
	if err != nil {
		return nil, err
	}
	records, err := billingrecord.New(options)
	if err != nil {
		return nil, err
	}
	namespaces, namespaceStatus, namespaceFinalize, err := namespace.New(options, clock)
	if err != nil {
		return nil, err
	}
	events, err := event.New(options, clock)
	if err != nil {
		return nil, err
	}
	elections, err := coordination.New(options)
	if err != nil {
		return nil, err
	}
	return &groups{
		classes: classes,
		core: resources{
			"namespaces":          namespaces,
			"namespaces/status":   namespaceStatus,
			"namespaces/finalize": namespaceFinalize,
			"events":              events,
		},
		named: []group{
			{v1alpha1.SchemeGroupVersion, resources{
				"containerleases":        leases,
				"containerleases/status": leaseStatus,
				"containerleases/log":    containerlease.NewLog(leases, logs, clock, stop),
				"containerleases/stats":  containerlease.NewStats(leases, stats, stop),
				"leaseclasses":           classes,
				"billingrecords":         records,
			}},
			{eventsv1.SchemeGroupVersion, resources{"events": events}},
			{coordinationv1.SchemeGroupVersion, resources{"leases": elections}},
			{authenticationv1.SchemeGroupVersion, resources{"selfsubjectreviews": review.Self()}},
			{authorizationv1.SchemeGroupVersion, resources{
				"selfsubjectaccessreviews": review.Access(auth),
				"selfsubjectrulesreviews":  review.Rules(resolver),
			}},
		},
	}, nil
}

func (g *groups) install(server *genericapiserver.GenericAPIServer) error {
	core := groupInfo(group{corev1.SchemeGroupVersion, g.core})
	if err := server.InstallLegacyAPIGroup(genericapiserver.DefaultLegacyAPIPrefix, core); err != nil {
		return err
	}
	named := make([]*genericapiserver.APIGroupInfo, len(g.named))
	for i, group := range g.named {
		named[i] = groupInfo(group)
	}
	if err := server.InstallAPIGroups(named...); err != nil {
		return err
	}
	// Elections are served to clients that know where they are, but not announced: a
	// resource that is called "leases" would take that name from ours in kubectl.
	server.DiscoveryGroupManager.RemoveGroup(coordinationv1.GroupName)
	server.AggregatedDiscoveryGroupManager.RemoveGroup(coordinationv1.GroupName)
	return nil
}

func groupInfo(g group) *genericapiserver.APIGroupInfo {
	info := genericapiserver.NewDefaultAPIGroupInfo(g.Group, scheme.Scheme, scheme.ParameterCodec, scheme.Codecs)
	info.VersionedResourcesStorageMap[g.Version] = g.resources
	return &info
}
