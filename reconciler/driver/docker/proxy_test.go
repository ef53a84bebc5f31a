package docker_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"strings"
	"testing"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/client"

	"github.com/containerlease/containerlease/reconciler/driver"
	"github.com/containerlease/containerlease/reconciler/driver/docker"
)

// engineTransport speaks to the engine's own socket.
func engineTransport(t *testing.T, f *fixture) *http.Transport {
	t.Helper()
	host, err := client.ParseHostURL(f.cli.DaemonHost())
	if err != nil {
		t.Fatalf("the engine's address: %v", err)
	}
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var dialer net.Dialer
		return dialer.DialContext(ctx, host.Scheme, host.Host)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}

// proxy stands between driver and engine. before may answer in the engine's place and then returns
// true; after may change the engine's answer.
func proxy(t *testing.T, f *fixture, before func(http.ResponseWriter, *http.Request) bool, after func(*http.Response) error) (host string) {
	t.Helper()
	engine := &httputil.ReverseProxy{
		Transport:      engineTransport(t, f),
		Rewrite:        func(r *httputil.ProxyRequest) { r.Out.URL.Scheme, r.Out.URL.Host = "http", "engine" },
		ModifyResponse: after,
	}
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		if before == nil || !before(w, r) {
			engine.ServeHTTP(w, r)
		}
	})
}

// TestLimitThatTheEngineDropped: what isn't in force must not be left behind.
func TestLimitThatTheEngineDropped(t *testing.T) {
	f := newFixture(t, docker.Options{})
	spec := f.spec("sleep 3600")
	d := newDriver(t, docker.Options{Host: proxy(t, f, nil, func(resp *http.Response) error {
		if !strings.HasSuffix(resp.Request.URL.Path, "/json") || !strings.Contains(resp.Request.URL.Path, "/containers/") {
			return nil
		}
		// An engine on a kernel without swap accounting.
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			return err
		}
		body = bytes.Replace(body, []byte(`"MemorySwap":67108864`), []byte(`"MemorySwap":-1`), 1)
		resp.Body = io.NopCloser(bytes.NewReader(body))
		resp.ContentLength = int64(len(body))
		resp.Header.Del("Content-Length")
		return nil
	})})
	_, err := d.Create(f.ctx(), spec)
	if !errors.Is(err, driver.ErrInvalid) || !strings.Contains(err.Error(), "MemorySwap") {
		t.Errorf("Create: got %v, want ErrInvalid that names MemorySwap", err)
	}
	if _, err := f.cli.ContainerInspect(f.ctx(), driver.ContainerName(spec.Owner.UID)); !cerrdefs.IsNotFound(err) {
		t.Errorf("the container was left behind (%v)", err)
	}
}

// TestReplyOfACreateIsLost: the next attempt finds the container and takes it over.
func TestReplyOfACreateIsLost(t *testing.T) {
	f := newFixture(t, docker.Options{})
	spec := f.spec("sleep 3600")
	lost := false
	d := newDriver(t, docker.Options{Host: proxy(t, f, nil, func(resp *http.Response) error {
		if !lost && strings.HasSuffix(resp.Request.URL.Path, "/containers/create") {
			lost = true
			return errors.New("the line went dead")
		}
		return nil
	})})
	if _, err := d.Create(f.ctx(), spec); err == nil {
		t.Fatal("first Create: no error")
	}
	left := f.observe(spec.Owner.UID)
	again, err := d.Create(f.ctx(), spec)
	if err != nil || again.ID != left.ID {
		t.Errorf("second Create: got %+v (%v), want %s", again, err, left.ID)
	}
}

// TestHostWithoutCgroupNamespaces: kernels with cgroup v1 may lack them.
func TestHostWithoutCgroupNamespaces(t *testing.T) {
	f := newFixture(t, docker.Options{})
	refusals := 0
	d := newDriver(t, docker.Options{Host: proxy(t, f, func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/containers/create") {
			return false
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("reading a request: %v", err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		var asked struct {
			HostConfig struct{ CgroupnsMode string }
		}
		if err := json.Unmarshal(body, &asked); err != nil {
			t.Errorf("request: %v", err)
		}
		if asked.HostConfig.CgroupnsMode != "private" {
			return false
		}
		refusals++
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"message": "the kernel has no cgroup namespaces"}`)
		return true
	}, nil)})
	for range 2 {
		if _, err := d.Create(f.ctx(), f.spec("sleep 3600")); err != nil {
			t.Fatalf("Create: %v", err)
		}
	}
	if refusals != 1 {
		t.Errorf("asked %d times for what the host doesn't have, want once", refusals)
	}
}

// TestDuplicateNetworkIsRemoved: the engine's own check for duplicates isn't atomic.
func TestDuplicateNetworkIsRemoved(t *testing.T) {
	f := newFixture(t, docker.Options{})
	name := f.ownNetwork()
	engine := &http.Client{Transport: engineTransport(t, f)}
	for range 2 {
		body := `{"Name": "` + name + `", "Driver": "bridge", "CheckDuplicate": false, "Labels": {"` + driver.LabelManaged + `": "true"},
			"Options": {"com.docker.network.bridge.enable_icc": "false"}}`
		req, err := http.NewRequestWithContext(f.ctx(), http.MethodPost, "http://engine/v1.41/networks/create", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		resp, err := engine.Do(req)
		if err != nil {
			t.Fatalf("creating a network: %v", err)
		}
		_ = resp.Body.Close()
		// Engines from 25 on take no second one: then there is nothing to remove.
		if resp.StatusCode != http.StatusCreated && resp.StatusCode != http.StatusConflict {
			t.Fatalf("creating a network: %s", resp.Status)
		}
	}
	spec := f.spec("sleep 3600")
	f.run(spec)
	if n := len(f.isolatedNetworks(name)); n != 1 {
		t.Errorf("%d networks, want 1", n)
	}
	if err := f.Remove(f.ctx(), spec.Owner.UID); err != nil { // before the network
		t.Errorf("Remove: %v", err)
	}
}
