package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os/exec"
	"path/filepath"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"go.etcd.io/etcd/server/v3/embed"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apiserver/pkg/storage"
	"k8s.io/apiserver/pkg/storage/storagebackend"
	"k8s.io/apiserver/pkg/storage/storagebackend/factory"

	"github.com/containerlease/containerlease/api/storage/redis"
	"github.com/containerlease/containerlease/api/v1alpha1"
)

// backend is a store to measure. Both keep the same objects in the same encoding, run as a process of their own that is
// reached by TCP on the loopback interface, and sync every write before they acknowledge it.
type backend struct {
	name    string
	store   storage.Interface
	destroy func()
}

const (
	// pathPrefix and resourcePrefix are where the objects are.
	pathPrefix     = "/registry"
	resourcePrefix = "/containerleases"
	// serverTimeout bounds the start of a store's server.
	serverTimeout = 30 * time.Second
	// etcdCommand makes this program an etcd server; see serveEtcd.
	etcdCommand = "serve-etcd"
)

var leases = v1alpha1.Resource("containerleases")

func newObject() runtime.Object     { return &v1alpha1.ContainerLease{} }
func newObjectList() runtime.Object { return &v1alpha1.ContainerLeaseList{} }

// newCodec returns the encoding of both stores: JSON of v1alpha1.
func newCodec() (runtime.Codec, error) {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return nil, fmt.Errorf("making the codec: %w", err)
	}
	plain := json.NewSerializerWithOptions(json.DefaultMetaFactory, scheme, scheme, json.SerializerOptions{})
	version := v1alpha1.SchemeGroupVersion
	return serializer.NewCodecFactory(scheme).CodecForVersions(plain, plain, version, version), nil
}

// startRedis starts a redis-server that syncs every write, and our store on it, without the watch cache.
func startRedis(ctx context.Context, dir string, codec runtime.Codec) (*backend, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	program, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, errors.New("redis-server is not installed (apt-get install redis-server)")
	}
	server, err := startProcess(ctx, dir, "redis", program, "--bind", host, "--port", port, "--dir", dir,
		"--appendonly", "yes", "--appendfsync", "always", "--save", "", "--maxmemory-policy", "noeviction")
	if err != nil {
		return nil, err
	}
	client := goredis.NewClient(&goredis.Options{Addr: address, MaxRetries: -1})
	defer client.Close()
	err = server.waitUntil(ctx, serverTimeout, 10*time.Millisecond, func(ctx context.Context) bool { return client.Ping(ctx).Err() == nil })
	if err != nil {
		server.stop()
		return nil, err
	}
	store, err := redis.Open(ctx, redis.Config{URL: "redis://" + address, Logger: slog.Default()})
	if err != nil {
		server.stop()
		return nil, err
	}
	stop := func() {
		// The server goes too, with all of its data; how the connections ended is of no interest.
		_ = store.Close()
		server.stop()
	}
	raw, destroy, err := openRaw(store, codec)
	if err != nil {
		stop()
		return nil, err
	}
	return &backend{name: "redis", store: raw, destroy: func() { destroy(); stop() }}, nil
}

// openRaw returns the storage that the API server would put its watch cache in front of.
func openRaw(store *redis.Store, codec runtime.Codec) (storage.Interface, factory.DestroyFunc, error) {
	options, err := store.RESTOptionsGetter(redis.RESTOptions{
		Codec: codec, PathPrefix: pathPrefix, Uncached: sets.New(leases),
	}).GetRESTOptions(leases, newObject())
	if err != nil {
		return nil, nil, fmt.Errorf("opening the Redis storage: %w", err)
	}
	// Keys from objects and attributes for selectors are the watch cache's business.
	return options.Decorator(options.StorageConfig, resourcePrefix, nil, newObject, newObjectList, nil, nil, nil)
}

// startEtcd starts an etcd, and Kubernetes' store on it, as its API server makes it. program is this program.
func startEtcd(ctx context.Context, program, dir string, codec runtime.Codec) (*backend, error) {
	client, err := freeAddress()
	if err != nil {
		return nil, err
	}
	peer, err := freeAddress()
	if err != nil {
		return nil, err
	}
	server, err := startProcess(ctx, dir, "etcd", program, etcdCommand, dir, client, peer)
	if err != nil {
		return nil, err
	}
	if err := server.waitUntil(ctx, serverTimeout, 10*time.Millisecond, accepts(client)); err != nil {
		server.stop()
		return nil, err
	}
	config := storagebackend.NewDefaultConfig(pathPrefix, codec)
	config.Transport.ServerList = []string{"http://" + client}
	store, destroy, err := factory.Create(*config.ForResource(leases), newObject, newObjectList, resourcePrefix)
	if err != nil {
		server.stop()
		return nil, fmt.Errorf("opening the etcd storage: %w", err)
	}
	return &backend{name: "etcd3", store: store, destroy: func() { destroy(); server.stop() }}, nil
}

// accepts asks whether a server takes connections. etcd does once it can serve.
func accepts(address string) func(context.Context) bool {
	return func(ctx context.Context) bool {
		connection, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err != nil {
			return false
		}
		return connection.Close() == nil
	}
}

// serveEtcd runs a single-member etcd with its default settings, until it is killed. etcd is a process of its own for the
// measurement, as redis-server is, so that neither shares a garbage collector with the client.
func serveEtcd(dir, client, peer string) error {
	config := embed.NewConfig()
	config.Dir = filepath.Join(dir, "data")
	config.LogLevel = "error"
	clientURL, peerURL := url.URL{Scheme: "http", Host: client}, url.URL{Scheme: "http", Host: peer}
	config.ListenClientUrls, config.AdvertiseClientUrls = []url.URL{clientURL}, []url.URL{clientURL}
	config.ListenPeerUrls, config.AdvertisePeerUrls = []url.URL{peerURL}, []url.URL{peerURL}
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	server, err := embed.StartEtcd(config)
	if err != nil {
		return fmt.Errorf("starting etcd: %w", err)
	}
	defer server.Close()
	return <-server.Err()
}
