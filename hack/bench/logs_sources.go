package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"time"

	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

// logSources are the ways to follow a log that are compared, the peer first.
func logSources(ctx context.Context, b *bench, s *server) ([]logSource, error) {
	subresource, err := newSubresource(s)
	if err != nil {
		return nil, err
	}
	gateway, err := newGatewayStream(ctx, b, s)
	if err != nil {
		return nil, err
	}
	return []logSource{
		{"docker logs -f", dockerLogs, stampOfText},
		{"GET …/log?format=json", subresource.follow, stampOfRecord},
		{"WebSocket", gateway.follow, stampOfRecord},
	}, nil
}

// dockerLogs runs the peer.
func dockerLogs(ctx context.Context, _, containerID string) (io.ReadCloser, error) {
	ctx, cancel := context.WithCancel(ctx)
	cmd := exec.CommandContext(ctx, "docker", "logs", "--follow", "--tail=0", "--timestamps", containerID)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		cancel()
		return nil, fmt.Errorf("starting docker logs: %w", err)
	}
	return &childOutput{out, cmd, cancel}, nil
}

// childOutput ends a child when it is closed.
type childOutput struct {
	io.ReadCloser
	cmd    *exec.Cmd
	cancel context.CancelFunc
}

func (c *childOutput) Close() error {
	c.cancel()
	err := c.ReadCloser.Close()
	_ = c.cmd.Wait() // that it was killed is no news
	return err
}

// stampOfText reads the time that docker logs --timestamps puts before a line.
func stampOfText(line []byte) (time.Time, error) {
	stamp, _, _ := bytes.Cut(line, []byte(" "))
	return time.Parse(time.RFC3339Nano, string(stamp))
}

// subresource follows a log at the API, as an admin over HTTPS.
type subresource struct{ client *rest.RESTClient }

func newSubresource(s *server) (*subresource, error) {
	config, err := clientcmd.BuildConfigFromFlags("", filepath.Join(s.dataDir, "kubeconfig"))
	if err != nil {
		return nil, fmt.Errorf("reading the kubeconfig: %w", err)
	}
	config.APIPath, config.GroupVersion = "/apis", &v1alpha1.SchemeGroupVersion
	config.NegotiatedSerializer = scheme.Codecs.WithoutConversion()
	client, err := rest.RESTClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("making the client: %w", err)
	}
	return &subresource{client}, nil
}

func (s *subresource) follow(ctx context.Context, lease, _ string) (io.ReadCloser, error) {
	return s.client.Get().Namespace(benchNamespace).Resource("containerleases").Name(lease).SubResource("log").
		Param("follow", "true").Param("format", v1alpha1.LogJSON).Param("tailLines", "0").Stream(ctx)
}

// stampOfRecord reads the time of a record in JSON.
func stampOfRecord(line []byte) (time.Time, error) {
	var record v1alpha1.LogRecord
	if err := json.Unmarshal(line, &record); err != nil {
		return time.Time{}, fmt.Errorf("%q: %w", line, err)
	}
	return time.Parse(time.RFC3339Nano, record.Timestamp)
}
