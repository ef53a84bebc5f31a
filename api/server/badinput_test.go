package server_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

// TestBadInput: whatever is sent, the answer is a 4xx that says what is wrong, and
// nothing is stored.
func TestBadInput(t *testing.T) {
	f := start(t, startRedis(t), nil)
	const leases, classes = "namespaces/default/containerleases", "leaseclasses"
	spec := func(s string) string {
		return `{"apiVersion":"containerlease.dev/v1alpha1","kind":"ContainerLease","metadata":{"name":"bad"},"spec":` + s + `}`
	}
	class := func(replace ...string) string {
		return strings.NewReplacer(replace...).Replace(`{"apiVersion":"containerlease.dev/v1alpha1","kind":"LeaseClass","metadata":{"name":"bad"},"spec":{` +
			`"images":{"allow":["ubuntu"]},"ttl":{"min":"1m","default":"5m","max":"10m"},"cpu":{"min":"100m","default":"200m","max":"1"},` +
			`"memory":{"min":"64Mi","default":"128Mi","max":"1Gi"},"pricing":{"currency":"USD","perCPUHour":"0.04","perGiBHour":"0.005"}}}`)
	}
	for name, tc := range map[string]struct {
		resource, body string
		code           int
		want           []string
	}{
		"UnknownFields":  {leases, spec(`{"image":"ubuntu","cpus":1,"resources":{"disk":"1Gi"}}`), 400, []string{"spec.cpus", "spec.resources.disk"}},
		"WrongType":      {leases, spec(`{"image":["ubuntu"]}`), 400, []string{"spec.image"}},
		"NoJSON":         {leases, `{"a":`, 400, nil},
		"FourMegabytes":  {leases, spec(`{"image":"ubuntu","args":["` + strings.Repeat("x", 4<<20) + `"]}`), 413, []string{"too large"}},
		"LongName":       {leases, strings.Replace(spec(`{"image":"ubuntu"}`), "bad", strings.Repeat("n", 300), 1), 422, []string{"metadata.name", "253"}},
		"NoSpec":         {leases, spec(`null`), 422, []string{"spec.image"}},
		"AbsentClass":    {leases, spec(`{"image":"ubuntu","className":"gold"}`), 422, []string{"spec.className", "gold", "standard"}},
		"TTLZero":        {leases, spec(`{"image":"ubuntu","ttl":"0s"}`), 422, []string{"spec.ttl", "5m", "2h"}},
		"TTLNegative":    {leases, spec(`{"image":"ubuntu","ttl":"-5m"}`), 422, []string{"spec.ttl"}},
		"TTLTenYears":    {leases, spec(`{"image":"ubuntu","ttl":"87600h"}`), 422, []string{"spec.ttl", "2h"}},
		"AbsurdExponent": {leases, spec(`{"image":"ubuntu","resources":{"cpu":"1e999999999"}}`), 422, []string{"spec.resources.cpu"}},
		"TrickyImage":    {leases, spec(`{"image":"docker.io.evil.com/library/ubuntu"}`), 422, []string{"spec.image", "docker.io/library/ubuntu:*"}},
		"AllAtOnce": {leases, strings.Replace(spec(`{"image":"evil/ubuntu","ttl":"99h","resources":{"cpu":"1e9","memory":"-1"},"workingDir":"x","user":"a;b"}`), `"bad"`, `"BAD"`, 1),
			422, []string{"metadata.name", "spec.image", "spec.ttl", "spec.resources.cpu", "spec.resources.memory", "spec.workingDir", "spec.user"}},
		"ClassMinAboveMax":   {classes, class(`"min":"1m"`, `"min":"1h"`), 422, []string{"spec.ttl.min"}},
		"ClassNegativePrice": {classes, class(`0.04`, `-0.04`), 422, []string{"spec.pricing.perCPUHour"}},
		"ClassAbsurdSize":    {classes, class(`"max":"1Gi"`, `"max":"9Ei"`), 422, []string{"spec.memory.max"}},
		"ClassBadPattern":    {classes, class(`["ubuntu"]`, `["docker.io/**","a b"]`), 422, []string{"spec.images.allow[0]", "spec.images.allow[1]"}},
	} {
		t.Run(name, func(t *testing.T) {
			config, err := clientcmd.BuildConfigFromFlags("", f.kubeconfig)
			must(t, err)
			httpClient, err := rest.HTTPClientFor(config)
			must(t, err)
			resp, err := httpClient.Post(f.url+"/apis/containerlease.dev/v1alpha1/"+tc.resource+"?fieldValidation=Strict", "application/json", strings.NewReader(tc.body))
			must(t, err)
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			must(t, err)
			if resp.StatusCode != tc.code {
				t.Errorf("got %d %s, want %d", resp.StatusCode, http.StatusText(resp.StatusCode), tc.code)
			}
			for _, part := range tc.want {
				if !strings.Contains(string(body), part) {
					t.Errorf("%q is missing from the answer: %.1000s", part, body)
				}
			}
		})
	}
	var stored v1alpha1.ContainerLeaseList
	must(t, f.client(t).List(t.Context(), &stored))
	var storedClasses v1alpha1.LeaseClassList
	must(t, f.client(t).List(t.Context(), &storedClasses))
	if len(stored.Items) != 0 || len(storedClasses.Items) != 1 {
		t.Errorf("%d leases and %d classes are stored", len(stored.Items), len(storedClasses.Items))
	}
}
