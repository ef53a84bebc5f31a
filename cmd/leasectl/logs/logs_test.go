package logs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"

	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/cmd/leasectl/internal/stubapi"
)

func invoke(ctx context.Context, server *stubapi.Server, args ...string) (stdout, stderr string, err error) {
	streams, _, out, errOut := genericiooptions.NewTestIOStreams()
	cmd := NewCommand("leasectl", server.Getter(), streams)
	cmd.SetArgs(args)
	cmd.SetOut(io.Discard)
	cmd.SetErr(io.Discard)
	err = cmd.ExecuteContext(ctx)
	return out.String(), errOut.String(), err
}

func demo() *v1alpha1.ContainerLease {
	return &v1alpha1.ContainerLease{ObjectMeta: metav1.ObjectMeta{Namespace: stubapi.Namespace, Name: "demo"}}
}

func writing() *v1alpha1.ContainerLease {
	lease := demo()
	start := v1alpha1.NewTimestamp(time.Now())
	lease.Status.StartTime = &start
	return lease
}

// saying answers with the lines and remembers what was asked.
func saying(asked *url.Values, lines string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		*asked = r.URL.Query()
		fmt.Fprint(w, lines)
	}
}

func TestLogs(t *testing.T) {
	tests := map[string]struct {
		args []string
		want url.Values
	}{
		"Plain":     {nil, url.Values{}},
		"Tail":      {[]string{"--tail", "0"}, url.Values{"tailLines": {"0"}}},
		"Since":     {[]string{"--since", "5m0.1s"}, url.Values{"sinceSeconds": {"301"}}},
		"SinceTime": {[]string{"--since-time", "2026-03-01T13:00:00+01:00"}, url.Values{"sinceTime": {"2026-03-01T12:00:00Z"}}},
		"All": {
			[]string{"-f", "--tail", "20", "--timestamps"},
			url.Values{"follow": {"true"}, "tailLines": {"20"}, "timestamps": {"true"}},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			server := stubapi.New(t)
			server.Put(t, stubapi.Leases, writing())
			asked := url.Values{}
			server.Log = saying(&asked, "one\ntwo\n")
			stdout, stderr, err := invoke(t.Context(), server, append(tc.args, "demo")...)
			if err != nil || stdout != "one\ntwo\n" || stderr != "" {
				t.Errorf("stdout, stderr, err = %q, %q, %v", stdout, stderr, err)
			}
			if diff := cmp.Diff(tc.want, asked); diff != "" {
				t.Errorf("query (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFollowWaitsForTheContainer(t *testing.T) {
	server := stubapi.New(t)
	server.Put(t, stubapi.Leases, demo())
	server.OnWatch = sync.OnceFunc(func() { server.Put(t, stubapi.Leases, writing()) })
	asked := url.Values{}
	server.Log = saying(&asked, "one\n")
	stdout, stderr, err := invoke(t.Context(), server, "-f", "demo")
	if err != nil || stdout != "one\n" {
		t.Errorf("stdout, err = %q, %v", stdout, err)
	}
	if !strings.HasPrefix(stderr, "demo: Pending\n") {
		t.Errorf("stderr = %q, want what is waited for", stderr)
	}
}

func TestFollowGivesUpOnWhatNeverStarts(t *testing.T) {
	server := stubapi.New(t)
	server.Put(t, stubapi.Leases, demo())
	server.OnWatch = sync.OnceFunc(func() {
		failed := demo()
		failed.Status.Conditions = []metav1.Condition{{
			Type: v1alpha1.ConditionFinished, Status: metav1.ConditionTrue,
			Reason: string(v1alpha1.FinishProvisioningFailed), Message: "no such image",
		}}
		server.Put(t, stubapi.Leases, failed)
	})
	_, _, err := invoke(t.Context(), server, "-f", "demo")
	if want := `lease "demo" has ended without output: ProvisioningFailed: no such image`; err == nil || err.Error() != want {
		t.Errorf("error = %v, want %q", err, want)
	}
}

func TestFollowIsInterrupted(t *testing.T) {
	server := stubapi.New(t)
	server.Put(t, stubapi.Leases, writing())
	ctx, interrupt := context.WithCancel(t.Context())
	server.Log = func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "one")
		w.(http.Flusher).Flush()
		interrupt()
		<-r.Context().Done()
	}
	if _, _, err := invoke(ctx, server, "-f", "demo"); !errors.Is(err, cmdutil.ErrExit) {
		t.Errorf("error = %v, want to go without a word", err)
	}
}

func TestBrokenStreamIsAnError(t *testing.T) {
	server := stubapi.New(t)
	server.Put(t, stubapi.Leases, writing())
	server.Log = func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "one")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler) // drops the connection in the midst of the body
	}
	stdout, _, err := invoke(t.Context(), server, "demo")
	if stdout != "one\n" || err == nil || !strings.Contains(err.Error(), `reading the output of lease "demo"`) {
		t.Errorf("stdout, err = %q, %v: a lost connection must not look like the end", stdout, err)
	}
}

func TestServersErrorIsShown(t *testing.T) {
	server := stubapi.New(t)
	server.Log = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusConflict)
		fmt.Fprint(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Conflict","code":409,"message":"lease \"demo\" has not started yet"}`)
	}
	_, _, err := invoke(t.Context(), server, "demo")
	if !apierrors.IsConflict(err) || !strings.Contains(err.Error(), "has not started yet") {
		t.Errorf("error = %v", err)
	}
	if _, _, err := invoke(t.Context(), server, "-f", "absent"); !apierrors.IsNotFound(err) {
		t.Errorf("following what is not there: error = %v, want NotFound", err)
	}
}

func TestUsage(t *testing.T) {
	tests := map[string]struct {
		args []string
		want string
	}{
		"NoName":       {nil, "expected the NAME of one lease"},
		"TwoNames":     {[]string{"a", "b"}, "expected the NAME of one lease"},
		"NegativeTail": {[]string{"a", "--tail", "-2"}, "--tail must be"},
		"Since":        {[]string{"a", "--since=-5m"}, "--since can't be negative"},
		"SinceTime":    {[]string{"a", "--since-time", "noon"}, `--since-time "noon": must be a moment`},
		"BothSince":    {[]string{"a", "--since", "5m", "--since-time", "2026-03-01T12:00:00Z"}, "since since-time"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			_, _, err := invoke(t.Context(), stubapi.New(t), tc.args...)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error = %v, want %q", err, tc.want)
			}
		})
	}
}
