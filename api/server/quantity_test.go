package server

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	genericapirequest "k8s.io/apiserver/pkg/endpoints/request"

	"github.com/containerlease/containerlease/api/server/scheme"
	"github.com/containerlease/containerlease/api/v1alpha1"
)

const bomb = "1000000000000000000000e99999999"

// inTime fails the test if f takes longer than any decision about a small body may.
func inTime(t *testing.T, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatal("it takes for ever")
	}
}

// TestQuantityFields: the tree is derived from the types. If one of these is missing, so is a
// guard.
func TestQuantityFields(t *testing.T) {
	fields := quantityFieldsOf(scheme.Scheme)
	for _, pointer := range []string{
		"/spec/resources/cpu", "/spec/resources/memory", "/status/segments/0/cpu", "/status/segments/-/memory",
		"/spec/segments/0/cpu", "/spec/cpu/min", "/spec/cpu/default", "/spec/memory/max",
		"/items/0/spec/resources/cpu", "junk/spec/resources/cpu",
	} {
		if at, _ := fields.at(pointer); at == nil || !at.quantity {
			t.Errorf("%s is not known as a quantity", pointer)
		}
	}
	for _, pointer := range []string{"/spec/env/0/value", "/metadata/annotations/cpu", "/spec/args/0", "/spec/ttl", "/spec/pricing/perCPUHour", "/spec/resources/cpu/x"} {
		if at, _ := fields.at(pointer); at != nil {
			t.Errorf("%s is taken for a quantity", pointer)
		}
	}
}

func TestQuantityGuard(t *testing.T) {
	const asJSON, asYAML, asPatch = "application/json", "application/yaml", "application/json-patch+json"
	guard := newQuantityGuard(nil)
	long := strings.Repeat("7", 100)
	for name, tc := range map[string]struct {
		contentType, body string
		// fields are those that are refused; bad means that the whole body is.
		fields []string
		bad    bool
	}{
		"Good":               {asJSON, `{"spec":{"resources":{"cpu":"500m","memory":1e9}}}`, nil, false},
		"Text":               {asJSON, `{"spec":{"resources":{"cpu":"` + bomb + `"}}}`, []string{"spec.resources.cpu"}, false},
		"Number":             {asJSON, `{"spec":{"resources":{"memory":` + bomb + `}}}`, []string{"spec.resources.memory"}, false},
		"NoContentType":      {"", `{"spec":{"resources":{"memory":` + bomb + `}}}`, []string{"spec.resources.memory"}, false},
		"WithCharset":        {asJSON + "; charset=utf-8", `{"spec":{"resources":{"memory":` + bomb + `}}}`, []string{"spec.resources.memory"}, false},
		"Negative":           {asJSON, `{"spec":{"resources":{"cpu":"-1E-99999999"}}}`, []string{"spec.resources.cpu"}, false},
		"Signed":             {asJSON, `{"spec":{"resources":{"cpu":"1E+99999999"}}}`, []string{"spec.resources.cpu"}, false},
		"Overflowing":        {asJSON, `{"spec":{"resources":{"cpu":"1e4294967296"}}}`, []string{"spec.resources.cpu"}, false},
		"BareExponent":       {asJSON, `{"spec":{"resources":{"cpu":"e99999999"}}}`, []string{"spec.resources.cpu"}, false},
		"Spaces":             {asJSON, `{"spec":{"resources":{"cpu":" 1e99999999 "}}}`, []string{"spec.resources.cpu"}, false},
		"ManyDigits":         {asJSON, `{"spec":{"resources":{"cpu":` + long + `}}}`, []string{"spec.resources.cpu"}, false},
		"ManyDecimals":       {asJSON, `{"spec":{"resources":{"cpu":"0.` + long + `"}}}`, []string{"spec.resources.cpu"}, false},
		"Escaped":            {asJSON, `{"spec":{"resources":{"cpu":"1\u0065\u0039\u00399999999"}}}`, []string{"spec.resources.cpu"}, false},
		"EscapedName":        {asJSON, `{"sp\u0065c":{"resources":{"c\u0070u":"` + bomb + `"}}}`, []string{"spec.resources.cpu"}, false},
		"TheFirstOfTwo":      {asJSON, `{"spec":{"resources":{"cpu":"` + bomb + `","cpu":"1"}}}`, []string{"spec.resources.cpu"}, false},
		"InAnEarlierSpec":    {asJSON, `{"spec":{"resources":{"cpu":"` + bomb + `"}},"spec":{}}`, []string{"spec.resources.cpu"}, false},
		"Status":             {asJSON, `{"status":{"segments":[{"cpu":"1"},{"cpu":"` + bomb + `"}]}}`, []string{"status.segments[1].cpu"}, false},
		"AnotherKind":        {asJSON, `{"kind":"LeaseClass","spec":{"cpu":{"max":"` + bomb + `"}}}`, []string{"spec.cpu.max"}, false},
		"AList":              {asJSON, `{"items":[{"spec":{"resources":{"cpu":"` + bomb + `"}}}]}`, []string{"items[0].spec.resources.cpu"}, false},
		"AllAtOnce":          {asJSON, `{"spec":{"resources":{"cpu":"` + bomb + `","memory":` + bomb + `}}}`, []string{"spec.resources.cpu", "spec.resources.memory"}, false},
		"MergePatch":         {"application/merge-patch+json", `{"spec":{"resources":{"cpu":"` + bomb + `"}}}`, []string{"spec.resources.cpu"}, false},
		"StrategicPatch":     {"application/strategic-merge-patch+json", `{"spec":{"$patch":"replace","resources":{"cpu":"` + bomb + `"}}}`, []string{"spec.resources.cpu"}, false},
		"YAML":               {asYAML, "spec:\n  resources:\n    cpu: " + bomb + "\n", []string{"spec.resources.cpu"}, false},
		"YAMLQuoted":         {asYAML, "spec: {resources: {cpu: \"1\\x65\\\n  99999999\"}}", []string{"spec.resources.cpu"}, false},
		"YAMLBinary":         {asYAML, "spec: {resources: {cpu: !!binary MWU5OTk5OTk5OQ==}}", []string{"spec.resources.cpu"}, false},
		"YAMLAlias":          {asYAML, "metadata: {annotations: {a: &a '" + bomb + "'}}\nspec: {resources: {cpu: *a}}", []string{"spec.resources.cpu"}, false},
		"YAMLMerge":          {asYAML, "metadata: &a {cpu: '" + bomb + "'}\nspec: {resources: {<<: *a}}", []string{"spec.resources.cpu"}, false},
		"YAMLUTF16":          {asYAML, "\xff\xfe" + strings.Join(strings.Split("spec: {resources: {cpu: '1e99999999'}}", ""), "\x00") + "\x00", []string{"spec.resources.cpu"}, false},
		"Apply":              {"application/apply-patch+yaml", "spec: {resources: {cpu: '" + bomb + "'}}", []string{"spec.resources.cpu"}, false},
		"ApplyJSON":          {"application/apply-patch+yaml", `{"spec":{"resources":{"cpu":"` + bomb + `"}}}`, []string{"spec.resources.cpu"}, false},
		"PatchValue":         {asPatch, `[{"op":"add","path":"/spec/resources/cpu","value":"` + bomb + `"}]`, []string{"spec.resources.cpu"}, false},
		"PatchParent":        {asPatch, `[{"op":"replace","path":"/spec","value":{"resources":{"cpu":` + bomb + `}}}]`, []string{"spec.resources.cpu"}, false},
		"PatchAll":           {asPatch, `[{"op":"replace","path":"","value":{"spec":{"resources":{"cpu":` + bomb + `}}}}]`, []string{"spec.resources.cpu"}, false},
		"PatchOddPointer":    {asPatch, `[{"op":"add","path":"x/spec/resources/cpu","value":"` + bomb + `"}]`, []string{"spec.resources.cpu"}, false},
		"PatchCopies":        {asPatch, `[{"op":"copy","from":"/metadata/annotations/a","path":"/spec/resources/cpu"}]`, []string{"spec.resources.cpu"}, false},
		"PatchMovesParent":   {asPatch, `[{"op":"move","from":"/metadata/annotations","path":"/spec/resources"}]`, []string{"spec.resources"}, false},
		"PatchOfAnother":     {asPatch, `[{"op":"add","path":"/metadata/annotations/cpu","value":"` + bomb + `"},{"op":"copy","from":"/metadata/labels/a","path":"/metadata/labels/b"}]`, nil, false},
		"PatchGood":          {asPatch, `[{"op":"test","path":"/spec/resources/cpu","value":"1"},{"op":"remove","path":"/spec/resources/cpu"}]`, nil, false},
		"PatchOddType":       {asPatch + `;"`, `[{"op":"add","path":"/spec/resources/cpu","value":"` + bomb + `"}]`, []string{"spec.resources.cpu"}, false},
		"EnvAndArgs":         {asJSON, `{"spec":{"env":[{"name":"N","value":"` + bomb + `"}],"args":["1e99999999"],"command":["` + long + `"]}}`, nil, false},
		"Annotations":        {asJSON, `{"metadata":{"annotations":{"cpu":"` + bomb + `"},"labels":{"memory":"1e99999999"}}}`, nil, false},
		"YAMLEnv":            {asYAML, "spec: {env: [{name: N, value: '" + bomb + "'}]}", nil, false},
		"NoNumber":           {asJSON, `{"spec":{"resources":{"cpu":"one"}},"x":"\u0031"}`, nil, false},
		"Exa":                {asJSON, `{"spec":{"resources":{"cpu":"1E","memory":"1Ei"}},"x":"\u0031"}`, nil, false},
		"AnObject":           {asJSON, `{"spec":{"resources":{"cpu":{"cpu":1e99999999}}}}`, nil, false},
		"TooShort":           {asJSON, `{"spec":{"resources":{"cpu":"1e9999","x":`, nil, false},
		"NoJSON":             {asJSON, `{"spec":1e99999,]`, nil, true},
		"NoYAML":             {asYAML, "a: [", nil, true},
		"NoPatch":            {asPatch, `{"op":"add"}`, nil, true},
		"Deep":               {asJSON, `{"x":"1e99999","spec":` + strings.Repeat("[", 500_000), nil, false},
		"DeepElsewhere":      {asJSON, `{"x":"1e99999","metadata":` + strings.Repeat(`{"a":`, 150_000), nil, false},
		"DigitsWithoutEnd":   {asJSON, strings.Repeat("9", maxRequestBody), nil, false},
		"Empty":              {asYAML, "", nil, false},
		"NothingButAComment": {asYAML, "# nothing", nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func() {
				err := guard.check([]byte(tc.body), tc.contentType, &genericapirequest.RequestInfo{APIGroup: "containerlease.dev", Resource: "containerleases", Name: "x"})
				if tc.bad != apierrors.IsBadRequest(err) || apierrors.IsInvalid(err) != (len(tc.fields) > 0) {
					t.Fatalf("got %v", err)
				}
				var got []string
				if status := apierrors.APIStatus(nil); errors.As(err, &status) && !tc.bad {
					for _, cause := range status.Status().Details.Causes {
						got = append(got, cause.Field)
					}
				}
				if diff := cmp.Diff(tc.fields, got); diff != "" {
					t.Errorf("-want +got\n%s", diff)
				}
			})
		})
	}
}

// TestQuantityGuardPassesBodiesOn: whatever it looked at, the library reads the same, and the
// same error at its end.
func TestQuantityGuardPassesBodiesOn(t *testing.T) {
	broken := errors.New("connection reset")
	for name, tc := range map[string]struct {
		body io.Reader
		want string
		err  error
	}{
		"Small":   {strings.NewReader(`{"a":1}`), `{"a":1}`, nil},
		"TooLong": {strings.NewReader(strings.Repeat("x", maxRequestBody+10)), strings.Repeat("x", maxRequestBody+10), nil},
		"Broken":  {io.MultiReader(strings.NewReader(`{"a":`), failing{broken}), `{"a":`, broken},
	} {
		t.Run(name, func(t *testing.T) {
			called := false
			guard := newQuantityGuard(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
				called = true
				got, err := io.ReadAll(req.Body)
				if string(got) != tc.want || !errors.Is(err, tc.err) {
					t.Errorf("got %d bytes, %v; want %d, %v", len(got), err, len(tc.want), tc.err)
				}
			}))
			req := httptest.NewRequest(http.MethodPost, "/", tc.body)
			req = req.WithContext(genericapirequest.WithRequestInfo(req.Context(), &genericapirequest.RequestInfo{IsResourceRequest: true}))
			guard.ServeHTTP(httptest.NewRecorder(), req)
			if !called {
				t.Error("the request was not passed on")
			}
		})
	}
}

// FuzzQuantityGuard: what the guard lets pass, the library decodes in no time; and what the
// short cut does not find absurd is either not, or no quantity at all.
func FuzzQuantityGuard(f *testing.F) {
	for _, seed := range []string{"1", "500m", bomb, "1e4294967296", "-0.1E+10000", " 1e5", `\u0031e99999`, "1e5.9e99999", "..e99999", "e0000", strings.Repeat("9", 70)} {
		f.Add(seed)
	}
	fields := quantityFieldsOf(scheme.Scheme)
	f.Fuzz(func(t *testing.T, text string) {
		document := []byte(`{"spec":{"resources":{"cpu":"` + text + `"}}}`)
		wrong, err := fields.check(document)
		if err != nil {
			return
		}
		suspected := maybeAbsurd(document)
		if len(wrong) > 0 && suspected {
			return
		}
		var lease v1alpha1.ContainerLease
		if json.Unmarshal(document, &lease) != nil || lease.Spec.Resources.CPU == nil {
			return
		}
		if len(wrong) > 0 {
			t.Fatalf("%q is absurd and can be decoded, but its document does not look so", text)
		}
		_ = lease.Spec.Resources.CPU.Cmp(resource.MustParse("1"))
	})
}
