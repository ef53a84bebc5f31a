package rest

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/containerlease/containerlease/web/gateway/problem"
	"github.com/containerlease/containerlease/web/gateway/rest/openapi"
)

// problemIn is the problem that an error is, nil if it is none.
func problemIn(err error) *problem.Problem {
	var p *problem.Problem
	errors.As(err, &p)
	return p
}

func TestDecode(t *testing.T) {
	const json = "application/json"
	for _, tc := range []struct {
		name, contentType, body string
		want                    problem.Problem
		fields                  []string
	}{
		{name: "Good", contentType: json, body: `{"imageType":"a","env":{"A":"=","b":""}}`},
		{name: "CharsetUTF8", contentType: "Application/JSON; charset=UTF-8", body: `{}`},
		{name: "Space", contentType: json, body: " {\n} \n"},
		{name: "OtherCharset", contentType: "application/json; charset=latin1", body: `{}`, want: problem.UnsupportedType},
		{name: "Form", contentType: "application/x-www-form-urlencoded", body: `{}`, want: problem.UnsupportedType},
		{name: "NoContentType", body: `{}`, want: problem.UnsupportedType},
		{name: "BrokenContentType", contentType: "application/json; charset", body: `{}`, want: problem.UnsupportedType},
		{name: "Empty", contentType: json, want: problem.BadRequest},
		{name: "Array", contentType: json, body: `[{}]`, want: problem.BadRequest},
		{name: "Trailing", contentType: json, body: `{} {}`, want: problem.BadRequest},
		{name: "Cut", contentType: json, body: `{"imageType":`, want: problem.BadRequest},
		{name: "Deep", contentType: json, body: strings.Repeat(`{"env":`, 20000), want: problem.BadRequest},
		{name: "WrongType", contentType: json, body: `{"durationMinutes":"30"}`, want: problem.BadRequest, fields: []string{"durationMinutes"}},
		{name: "Fraction", contentType: json, body: `{"durationMinutes":1.5}`, want: problem.BadRequest, fields: []string{"durationMinutes"}},
		{name: "Overflow", contentType: json, body: `{"cpuMilli":99999999999999999999}`, want: problem.BadRequest, fields: []string{"cpuMilli"}},
		{name: "CommandAsString", contentType: json, body: `{"command":"ls -l"}`, want: problem.BadRequest, fields: []string{"command"}},
		{name: "EnvNumber", contentType: json, body: `{"env":{"B":"1","A":1,"C":true}}`, want: problem.BadRequest, fields: []string{"env.A"}},
		{name: "EnvObject", contentType: json, body: `{"name":"a","env":{"B":"{","A":{"C":"1"}}}`, want: problem.BadRequest, fields: []string{"env.A"}},
		{name: "CommandNumber", contentType: json, body: `{"env":{"A":"1"},"command":["a", "b", 1]}`, want: problem.BadRequest, fields: []string{"command[2]"}},
		{name: "Unknown", contentType: json, body: `{"image":"a","ttl":"1m"}`, want: problem.BadRequest, fields: []string{"image", "ttl"}},
		{name: "OtherCase", contentType: json, body: `{"ImageType":"a"}`, want: problem.BadRequest, fields: []string{"ImageType"}},
		{name: "Twice", contentType: json, body: `{"name":"a","name":"b"}`, want: problem.BadRequest, fields: []string{"name"}},
		{name: "VariableTwice", contentType: json, body: `{"env":{"A":"1","A":"2"}}`, want: problem.BadRequest, fields: []string{"env.A"}},
		{name: "Null", contentType: json, body: `{"name":null,"command":["a",null],"env":{"A":null}}`, want: problem.BadRequest, fields: []string{"command[1]", "env.A", "name"}},
		{name: "NullForAll", contentType: json, body: " null\n", want: problem.BadRequest},
		{name: "UnknownHuge", contentType: json, body: `{"x":1e999,"y":[` + strings.Repeat("9", 1000) + `]}`, want: problem.BadRequest, fields: []string{"x", "y"}},
		{name: "TooLarge", contentType: json, body: `{"name":"` + strings.Repeat("a", maxBody) + `"}`, want: problem.TooLarge},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(tc.body))
			r.Header.Set("Content-Type", tc.contentType)
			var model openapi.ProvisionRequest
			got := problemIn(decode(httptest.NewRecorder(), r, &model))
			if (got == nil) != (tc.want.Type == "") || got != nil && got.Type != tc.want.Type {
				t.Fatalf("got %v, want %s", got, tc.want.Type)
			}
			if got == nil {
				return
			}
			if got.Detail == "" || strings.HasPrefix(got.Detail, ":") {
				t.Errorf("says %q", got.Detail)
			}
			var fields []string
			for _, field := range got.Errors {
				fields = append(fields, field.Field)
				if field.Message == "" || !strings.Contains(got.Detail, got.Errors[0].Field) {
					t.Errorf("says nothing of %q: %+v", field.Field, got)
				}
			}
			if diff := cmp.Diff(tc.fields, fields); diff != "" {
				t.Errorf("fields: -want +got\n%s", diff)
			}
		})
	}
}

// TestDecodeSlowBody: it is the client that was too slow, and the answer says so.
func TestDecodeSlowBody(t *testing.T) {
	for name, tc := range map[string]struct {
		err    error
		kind   problem.Problem
		status int
	}{
		"Slow":   {fmt.Errorf("reading: %w", os.ErrDeadlineExceeded), problem.Timeout, http.StatusRequestTimeout},
		"Broken": {io.ErrUnexpectedEOF, problem.BadRequest, http.StatusBadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "/", io.MultiReader(strings.NewReader(`{"name":`), iotest.ErrReader(tc.err)))
			r.Header.Set("Content-Type", "application/json")
			w := httptest.NewRecorder()
			err := decode(w, r, &openapi.ProvisionRequest{})
			problem.Write(w, r, err)
			if p := problemIn(err); w.Code != tc.status || p == nil || p.Type != tc.kind.Type || p.Status != tc.status {
				t.Errorf("got %d, %v", w.Code, p)
			}
		})
	}
}

// TestDecodeRepeatsLittle: a problem is no echo of what somebody sent.
func TestDecodeRepeatsLittle(t *testing.T) {
	var body strings.Builder
	for i := range 1000 {
		body.WriteString(strings.Repeat("x", i) + `":1,"`)
	}
	for _, body := range []string{`{"` + body.String() + `z":1}`, `{"name":` + strings.Repeat("9", 100000) + `}`, strings.Repeat("\x00", 100000)} {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		problem.Write(w, r, decode(w, r, &openapi.ProvisionRequest{}))
		if w.Code != http.StatusBadRequest || w.Body.Len() > 10000 {
			t.Errorf("%.20q: %d with %d bytes", body, w.Code, w.Body.Len())
		}
	}
}

// TestNullsOfLongPaths: what a body costs must not depend on how long the paths in it are. One of
// a megabyte cost gigabytes.
func TestNullsOfLongPaths(t *testing.T) {
	const many = 5000
	key := strings.Repeat("k", 80)
	for _, tc := range []struct{ name, body, first string }{
		{"WideBelowALongKey", `{"` + strings.Repeat("k", maxBody/2) + `":[` + strings.Repeat("0,", maxBody/5) + `0]}`, ""},
		{"DeepByFields", strings.Repeat(`{"`+key+`":`, many) + "0" + strings.Repeat("}", many), ""},
		{"DeepByElements", strings.Repeat(`[`, many) + "0" + strings.Repeat("]", many), ""},
		{"DeepNull", strings.Repeat(`{"`+key+`":[`, many/2) + "null" + strings.Repeat("]}", many/2), key + "[0]."},
		{"Nulls", `{"a":{"b":[` + strings.Repeat("null,", many) + `null]}}`, "a.b[0]"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			fields := nulls([]byte(tc.body))
			runtime.ReadMemStats(&after)
			const enough = 128 << 20
			if spent := after.TotalAlloc - before.TotalAlloc; spent > enough {
				t.Errorf("a body of %d bytes cost %d bytes", len(tc.body), spent)
			}
			if (len(fields) > 0) != (tc.first != "") || len(fields) > maxFieldErrors {
				t.Fatalf("found %d fields", len(fields))
			}
			if tc.first != "" && !strings.HasPrefix(fields[0].Field, tc.first) {
				t.Errorf("first: %q", fields[0].Field)
			}
		})
	}
}
