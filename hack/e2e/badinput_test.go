package e2e

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

// request is a raw write to the API, as no well-meaning client would make it.
type request struct {
	contentType, body string
	// want are parts of the answer that help whoever made the mistake.
	want []string
}

// leaseJSON is a good lease with one thing changed; each pair replaces a text of it.
func leaseJSON(replace ...string) string {
	const good = `{"apiVersion":"containerlease.dev/v1alpha1","kind":"ContainerLease","metadata":{"name":"bad"},` +
		`"spec":{"image":"box","className":"e2e","ttl":"10m","resources":{"cpu":"100m","memory":"32Mi"},"command":["sleep","1"]}}`
	return strings.NewReplacer(replace...).Replace(good)
}

// classJSON is the same for a class.
func classJSON(replace ...string) string {
	const good = `{"apiVersion":"containerlease.dev/v1alpha1","kind":"LeaseClass","metadata":{"name":"bad"},"spec":{` +
		`"images":{"catalog":[{"name":"box","reference":"ubuntu:22.04"}],"allow":["docker.io/library/ubuntu:*"]},` +
		`"ttl":{"min":"1m","default":"5m","max":"10m"},"cpu":{"min":"100m","default":"200m","max":"1"},` +
		`"memory":{"min":"64Mi","default":"128Mi","max":"1Gi"},"pricing":{"currency":"USD","perCPUHour":"0.04","perGiBHour":"0.005"}}}`
	return strings.NewReplacer(replace...).Replace(good)
}

// TestBadLeases: each is answered with a clear 4xx, and nothing is stored.
func TestBadLeases(t *testing.T) {
	t.Parallel()
	f := newFixture(t, shared(t))
	long := strings.Repeat("n", 300)
	cases := map[string]request{
		"UnknownField":       {body: leaseJSON(`"ttl"`, `"timeToLive"`), want: []string{"timeToLive"}},
		"UnknownNestedField": {body: leaseJSON(`"cpu"`, `"cpus"`), want: []string{"cpus"}},
		"DuplicateField":     {body: leaseJSON(`"ttl":"10m"`, `"ttl":"10m","ttl":"20m"`), want: []string{"ttl"}},
		"NumberForDuration":  {body: leaseJSON(`"10m"`, `600`), want: []string{"ttl"}},
		"ListForStruct":      {body: leaseJSON(`{"cpu":"100m","memory":"32Mi"}`, `[]`), want: []string{"resources"}},
		"StringForList":      {body: leaseJSON(`["sleep","1"]`, `"sleep 1"`), want: []string{"command"}},
		"NumberForName":      {body: leaseJSON(`"bad"`, `5`), want: []string{"name"}},
		"NullSpec":           {body: `{"apiVersion":"containerlease.dev/v1alpha1","kind":"ContainerLease","metadata":{"name":"bad"},"spec":null}`, want: []string{"spec.image"}},
		"NoSpec":             {body: `{"apiVersion":"containerlease.dev/v1alpha1","kind":"ContainerLease","metadata":{"name":"bad"}}`, want: []string{"spec.image"}},
		"NoName":             {body: leaseJSON(`{"name":"bad"}`, `{}`), want: []string{"name"}},
		"OtherKind":          {body: leaseJSON(`"ContainerLease"`, `"Pod"`), want: []string{"Pod"}},
		"OtherVersion":       {body: leaseJSON(`v1alpha1`, `v9`), want: []string{"v9"}},
		"NoJSON":             {body: `{"kind":`, want: []string{"json"}},
		"Empty":              {body: ``},
		"Array":              {body: `[]`},
		"Binary":             {body: "\x00\xff\xfe\x01"},
		"OtherMediaType":     {contentType: "text/html", body: leaseJSON(), want: []string{"media type"}},
		"NoYAML":             {contentType: "application/yaml", body: "a: [b", want: []string{"yaml"}},
		"YAMLBomb":           {contentType: "application/yaml", body: yamlBomb()},
		"FourMegabytes":      {body: leaseJSON(`"sleep","1"`, `"`+strings.Repeat("x", 4<<20)+`"`), want: []string{"too large"}},
		"DeepNesting":        {body: leaseJSON(`"10m"`, strings.Repeat(`{"a":`, 20000)+`1`+strings.Repeat(`}`, 20000))},
		"OtherNamespace":     {body: leaseJSON(`{"name":"bad"}`, `{"name":"bad","namespace":"elsewhere"}`), want: []string{"namespace"}},

		"LongName":        {body: leaseJSON(`"bad"`, `"`+long+`"`), want: []string{"metadata.name", "253"}},
		"LongGenerated":   {body: leaseJSON(`{"name":"bad"}`, `{"name":"`+long+`","generateName":"x"}`), want: []string{"metadata.name"}},
		"UpperCaseName":   {body: leaseJSON(`"bad"`, `"Bad"`), want: []string{"metadata.name"}},
		"PathName":        {body: leaseJSON(`"bad"`, `"../../etc"`), want: []string{"metadata.name"}},
		"ControlName":     {body: leaseJSON(`"bad"`, `"a\u0000b"`), want: []string{"metadata.name"}},
		"BadLabel":        {body: leaseJSON(`{"name":"bad"}`, `{"name":"bad","labels":{"a b":"c"}}`), want: []string{"metadata.labels"}},
		"HugeAnnotations": {body: leaseJSON(`{"name":"bad"}`, `{"name":"bad","annotations":{"a":"`+strings.Repeat("x", 300<<10)+`"}}`), want: []string{"annotations"}},

		"TTLZero":       {body: leaseJSON(`"10m"`, `"0s"`), want: []string{"spec.ttl", "1s", "2h"}},
		"TTLNegative":   {body: leaseJSON(`"10m"`, `"-5m"`), want: []string{"spec.ttl"}},
		"TTLTenYears":   {body: leaseJSON(`"10m"`, `"87600h"`), want: []string{"spec.ttl", "2h"}},
		"TTLOverflow":   {body: leaseJSON(`"10m"`, `"99999h99999h99999h99999h"`), want: []string{"spec.ttl"}},
		"TTLWords":      {body: leaseJSON(`"10m"`, `"ten minutes"`), want: []string{"spec.ttl"}},
		"TTLFraction":   {body: leaseJSON(`"10m"`, `"1.5h"`), want: []string{"spec.ttl"}},
		"CPUHuge":       {body: leaseJSON(`"100m"`, `"1e9"`), want: []string{"spec.resources.cpu", "2"}},
		"CPUAstronomic": {body: leaseJSON(`"100m"`, `"9e99"`), want: []string{"cpu"}},
		"CPUNegative":   {body: leaseJSON(`"100m"`, `"-1"`), want: []string{"spec.resources.cpu"}},
		"CPUZero":       {body: leaseJSON(`"100m"`, `"0"`), want: []string{"spec.resources.cpu"}},
		"CPUMicro":      {body: leaseJSON(`"100m"`, `"100500u"`), want: []string{"spec.resources.cpu"}},
		"CPUWord":       {body: leaseJSON(`"100m"`, `"half"`), want: []string{"quantities"}},
		"MemoryMinus":   {body: leaseJSON(`"32Mi"`, `"-1"`), want: []string{"spec.resources.memory"}},
		"MemoryHuge":    {body: leaseJSON(`"32Mi"`, `"9Ei"`), want: []string{"spec.resources.memory", "256Mi"}},
		"MemoryTiny":    {body: leaseJSON(`"32Mi"`, `"1"`), want: []string{"spec.resources.memory", "8Mi"}},
		"AbsentClass":   {body: leaseJSON(`"e2e"`, `"nothing"`), want: []string{"spec.className", "nothing", "standard", testClass}},
		"BadClassName":  {body: leaseJSON(`"e2e"`, `"../x"`), want: []string{"spec.className"}},
		"BadMode":       {body: leaseJSON(`"ttl"`, `"operatingMode":"Paused","ttl"`), want: []string{"spec.operatingMode", "Suspended"}},
		"GraceNegative": {body: leaseJSON(`"ttl"`, `"terminationGracePeriodSeconds":-1,"ttl"`), want: []string{"spec.terminationGracePeriodSeconds"}},
		"GraceHuge":     {body: leaseJSON(`"ttl"`, `"terminationGracePeriodSeconds":9223372036854775807,"ttl"`), want: []string{"spec.terminationGracePeriodSeconds"}},
		"PortTooHigh":   {body: leaseJSON(`"ttl"`, `"ports":[{"containerPort":70000}],"ttl"`), want: []string{"spec.ports[0].containerPort"}},
		"PortTwice":     {body: leaseJSON(`"ttl"`, `"ports":[{"containerPort":80},{"containerPort":80}],"ttl"`), want: []string{"spec.ports[1]"}},
		"EnvTwice":      {body: leaseJSON(`"ttl"`, `"env":[{"name":"A"},{"name":"A"}],"ttl"`), want: []string{"spec.env[1]"}},
		"EnvEquals":     {body: leaseJSON(`"ttl"`, `"env":[{"name":"A=B"}],"ttl"`), want: []string{"spec.env[0].name"}},
		"EnvNull":       {body: leaseJSON(`"ttl"`, `"env":[{"name":"A","value":"\u0000"}],"ttl"`), want: []string{"spec.env[0]"}},
		"CommandNull":   {body: leaseJSON(`"sleep"`, `"sl\u0000eep"`), want: []string{"spec.command[0]"}},
		"RelativeDir":   {body: leaseJSON(`"ttl"`, `"workingDir":"etc","ttl"`), want: []string{"spec.workingDir"}},
		"BadUser":       {body: leaseJSON(`"ttl"`, `"user":"root; id","ttl"`), want: []string{"spec.user"}},
		"AllAtOnce": {
			body: leaseJSON(`"10m"`, `"99h"`, `"100m"`, `"64"`, `"32Mi"`, `"1Ti"`, `"box"`, `"evil"`),
			want: []string{"spec.ttl", "spec.resources.cpu", "spec.resources.memory", "spec.image"},
		},
	}
	for name, image := range trickyImages {
		cases["Image"+name] = request{body: leaseJSON(`"box"`, image), want: []string{"spec.image"}}
	}
	f.refuse("POST", f.leasePath(), cases)

	var leases v1alpha1.ContainerLeaseList
	ctx, cancel := f.context()
	defer cancel()
	f.must(f.api.List(ctx, &leases, inNamespace(f.namespace)), "listing leases")
	for _, l := range leases.Items {
		t.Errorf("stored: %s", l.Name)
	}
}

// trickyImages are image references, in JSON, that must not pass for localhost/containerlease/test.
var trickyImages = map[string]string{
	"Empty":           `""`,
	"UpperCase":       `"LOCALHOST/containerlease/test:busybox"`,
	"UpperCaseName":   `"Box"`,
	"UpperCasePath":   `"localhost/ContainerLease/test"`,
	"Prefix":          `"localhost/containerlease/test-evil:busybox"`,
	"DeeperPath":      `"localhost/containerlease/test/evil:busybox"`,
	"ShorterPath":     `"localhost/containerlease"`,
	"LookAlike":       `"localhost.evil.io/containerlease/test:busybox"`,
	"LookAlikePath":   `"evil.io/localhost/containerlease/test:busybox"`,
	"OtherPort":       `"localhost:5000/containerlease/test:busybox"`,
	"User":            `"localhost@evil.io/containerlease/test"`,
	"DockerHub":       `"docker.io/library/box"`,
	"DockerHubBox":    `"library/box"`,
	"DockerHubLike":   `"docker.io/localhost/containerlease/test"`,
	"ParentPath":      `"localhost/containerlease/../containerlease/test"`,
	"DoubleSlash":     `"localhost//containerlease/test"`,
	"Scheme":          `"http://localhost/containerlease/test"`,
	"LeadingSpace":    `" box"`,
	"TrailingSpace":   `"box "`,
	"Newline":         `"box\nbox"`,
	"Null":            `"box\u0000"`,
	"Semicolon":       `"box;id"`,
	"Substitution":    `"box$(id)"`,
	"Backtick":        "\"box`id`\"",
	"Flag":            `"--privileged"`,
	"Pattern":         `"localhost/containerlease/*"`,
	"PatternTag":      `"localhost/containerlease/test:*"`,
	"BadDigest":       `"localhost/containerlease/test@sha256:abc"`,
	"OtherAlgorithm":  `"localhost/containerlease/test@md5:d41d8cd98f00b204e9800998ecf8427e"`,
	"DigestElsewhere": `"evil/test@sha256:` + strings.Repeat("0", 64) + `"`,
	"BareDigest":      `"sha256:` + strings.Repeat("0", 64) + `"`,
	"BareID":          `"` + strings.Repeat("0", 64) + `"`,
	"Cyrillic":        `"b\u043ex"`,
	"FullWidth":       `"\uff42ox"`,
	"RightToLeft":     `"\u202ebox"`,
	"Long":            `"localhost/containerlease/` + strings.Repeat("a", 300) + `"`,
	"LongTag":         `"localhost/containerlease/test:` + strings.Repeat("a", 129) + `"`,
}

// TestBadClasses: a class that contradicts itself, or prices nothing can be computed from.
func TestBadClasses(t *testing.T) {
	t.Parallel()
	f := newFixture(t, shared(t))
	f.refuse("POST", "/apis/containerlease.dev/v1alpha1/leaseclasses", map[string]request{
		"TTLMinAboveMax":     {body: classJSON(`"min":"1m"`, `"min":"1h"`), want: []string{"spec.ttl"}},
		"TTLDefaultAboveMax": {body: classJSON(`"default":"5m"`, `"default":"1h"`), want: []string{"spec.ttl.default"}},
		"CPUMinAboveDefault": {body: classJSON(`"min":"100m"`, `"min":"300m"`), want: []string{"spec.cpu"}},
		"MemoryMaxBelowMin":  {body: classJSON(`"max":"1Gi"`, `"max":"1Mi"`), want: []string{"spec.memory"}},
		"TTLZero":            {body: classJSON(`"min":"1m"`, `"min":"0s"`), want: []string{"spec.ttl.min"}},
		"CPUNegative":        {body: classJSON(`"min":"100m"`, `"min":"-1"`), want: []string{"spec.cpu.min"}},
		"MemoryZero":         {body: classJSON(`"min":"64Mi"`, `"min":"0"`), want: []string{"spec.memory.min"}},
		"PriceNegative":      {body: classJSON(`"0.04"`, `"-0.04"`), want: []string{"spec.pricing.perCPUHour"}},
		"PriceWord":          {body: classJSON(`"0.04"`, `"free"`), want: []string{"spec.pricing.perCPUHour"}},
		"PriceExponent":      {body: classJSON(`"0.04"`, `"4e-2"`), want: []string{"spec.pricing.perCPUHour"}},
		"PriceTooFine":       {body: classJSON(`"0.005"`, `"0.0000000001"`), want: []string{"spec.pricing.perGiBHour"}},
		"PriceNaN":           {body: classJSON(`"0.005"`, `"NaN"`), want: []string{"spec.pricing.perGiBHour"}},
		"NoCurrency":         {body: classJSON(`"USD"`, `""`), want: []string{"spec.pricing.currency"}},
		"CatalogTwice":       {body: classJSON(`{"name":"box","reference":"ubuntu:22.04"}`, `{"name":"box","reference":"ubuntu"},{"name":"box","reference":"alpine"}`), want: []string{"spec.images.catalog[1]"}},
		"CatalogReference":   {body: classJSON(`"ubuntu:22.04"`, `"Ubuntu 22.04"`), want: []string{"spec.images.catalog[0].reference"}},
		"CatalogPattern":     {body: classJSON(`"ubuntu:22.04"`, `"ubuntu:*"`), want: []string{"spec.images.catalog[0].reference"}},
		"AllowPattern":       {body: classJSON(`docker.io/library/ubuntu:*`, `docker.io/**`), want: []string{"spec.images.allow[0]"}},
		"PullPolicy":         {body: classJSON(`"allow"`, `"pullPolicy":"Sometimes","allow"`), want: []string{"spec.images.pullPolicy"}},
		"PidsLimit":          {body: classJSON(`"pricing"`, `"isolation":{"pidsLimit":0},"pricing"`), want: []string{"spec.isolation.pidsLimit"}},
		"Network":            {body: classJSON(`"pricing"`, `"isolation":{"network":"Host"},"pricing"`), want: []string{"spec.isolation.network"}},
		"Runtime":            {body: classJSON(`"pricing"`, `"isolation":{"runtime":"a b"},"pricing"`), want: []string{"spec.isolation.runtime"}},
		"UnknownField":       {body: classJSON(`"pricing"`, `"privileged":true,"pricing"`), want: []string{"privileged"}},
	})
	if out := f.kubectl().run("get", "leaseclasses", "-o", "name"); strings.Contains(out, "/bad\n") {
		t.Errorf("stored: %s", out)
	}
}

// TestBadRecords: nobody can change what was billed.
func TestBadRecords(t *testing.T) {
	t.Parallel()
	f := newFixture(t, shared(t))
	lease := f.create(f.lease("billed", script("exit 0")))
	_, record := f.awaitBilled(lease, v1alpha1.FinishCompleted)
	contains(t, "changing a record", f.kubectl().fail("patch", "billingrecord", record.Name, "--type=merge", "-p", `{"spec":{"amount":"0"}}`), "immutable")
	if after := f.record(lease); after.Spec.Amount != record.Spec.Amount {
		t.Errorf("the amount changed from %s to %s", record.Spec.Amount, after.Spec.Amount)
	}
}

// TestStrangers get nothing but health.
func TestStrangers(t *testing.T) {
	t.Parallel()
	f := newFixture(t, shared(t))
	stranger := anonymous()
	for path, want := range map[string]int{
		"/readyz":                           http.StatusOK,
		"/livez":                            http.StatusOK,
		"/apis/containerlease.dev/v1alpha1": http.StatusUnauthorized,
		f.leasePath():                       http.StatusUnauthorized,
		"/api/v1/namespaces/default/events": http.StatusUnauthorized,
		"/metrics":                          http.StatusUnauthorized,
		"/debug/pprof/":                     http.StatusUnauthorized,
		f.leasePath() + "/x/log":            http.StatusUnauthorized,
		"/apis/containerlease.dev/v1alpha1/../../x": http.StatusUnauthorized,
	} {
		resp, err := stranger.Get("https://" + f.server.apiAddress + path)
		f.must(err, "GET %s", path)
		body := readAll(resp)
		if resp.StatusCode != want && (want != http.StatusUnauthorized || resp.StatusCode != http.StatusForbidden) {
			t.Errorf("a stranger's GET %s: %d %.200s, want %d", path, resp.StatusCode, body, want)
		}
	}
}

func (f *fixture) leasePath() string {
	return "/apis/containerlease.dev/v1alpha1/namespaces/" + f.namespace + "/containerleases"
}

// refuse sends each request as kubectl does, with strict field validation, and expects a 4xx that helps.
func (f *fixture) refuse(method, path string, cases map[string]request) {
	f.Helper()
	config, err := f.server.restConfig()
	f.must(err, "reading the kubeconfig")
	httpClient, err := rest.HTTPClientFor(config)
	f.must(err, "making an HTTP client")
	for name, c := range cases {
		f.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancel()
			url := config.Host + path + "?fieldValidation=Strict&fieldManager=e2e"
			req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader([]byte(c.body)))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/json")
			if c.contentType != "" {
				req.Header.Set("Content-Type", c.contentType)
			}
			resp, err := httpClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			body := readAll(resp)
			if resp.StatusCode < 400 || resp.StatusCode > 499 {
				t.Fatalf("answered %d, want 4xx: %.1000s", resp.StatusCode, body)
			}
			var status struct {
				Kind, Message string
				Code          int
			}
			if err := decode(strings.NewReader(body), &status); err != nil || status.Kind != "Status" || status.Message == "" {
				t.Fatalf("answered %d without a Status that says why: %.1000s", resp.StatusCode, body)
			}
			contains(t, fmt.Sprintf("the answer %d", resp.StatusCode), status.Message, c.want...)
			if len(status.Message) > 4096 {
				t.Errorf("the message is %d bytes long: %.300s…", len(status.Message), status.Message)
			}
		})
	}
}

// yamlBomb is a small document that aliases make enormous.
func yamlBomb() string {
	var b strings.Builder
	b.WriteString("apiVersion: containerlease.dev/v1alpha1\nkind: ContainerLease\na0: &a0 [x,x,x,x,x,x,x,x,x,x]\n")
	for i := range 12 {
		alias := fmt.Sprintf("*a%d,", i)
		fmt.Fprintf(&b, "a%d: &a%d [%s]\n", i+1, i+1, strings.TrimSuffix(strings.Repeat(alias, 10), ","))
	}
	return b.String()
}
