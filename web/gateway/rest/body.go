package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strings"

	kjson "sigs.k8s.io/json"

	"github.com/containerlease/containerlease/web/gateway/problem"
)

const (
	// maxBody is how large a body may be.
	maxBody = 1 << 20
	// maxFieldErrors bounds how many fields a problem of decoding names.
	maxFieldErrors = 20
	// maxFieldName bounds how much of a name that somebody sent is repeated.
	maxFieldName = 100
)

// decode reads the body into a model. It refuses what is not exactly one JSON object of the
// model's fields, each at most once and in the right case: a field that is silently ignored is
// a wish that is.
func decode(w http.ResponseWriter, r *http.Request, model any) error {
	if err := checkMediaType(r.Header.Get("Content-Type")); err != nil {
		return err
	}
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return problem.TooLarge.With(fmt.Sprintf("the body must have at most %d bytes", tooLarge.Limit))
	case errors.Is(err, os.ErrDeadlineExceeded):
		return slow()
	case err != nil:
		return problem.BadRequest.With("the body could not be read to its end")
	}
	strict, err := kjson.UnmarshalStrict(data, model)
	if err != nil {
		return malformed(err, data)
	}
	if string(bytes.TrimSpace(data)) == "null" {
		return notObject("null")
	}
	fields := notFields(strict)
	fields = append(fields, nulls(data)...)
	if len(fields) == 0 {
		return nil
	}
	fields = fields[:min(len(fields), maxFieldErrors)]
	return problem.BadRequest.With(fields[0].Field+": "+fields[0].Message+andMore(fields), fields...)
}

// notFields are those that the model has not, or that were given twice.
func notFields(strict []error) []problem.FieldError {
	var fields []problem.FieldError
	for _, err := range strict {
		field := problem.FieldError{Message: abbreviate(err.Error())}
		if known, ok := err.(kjson.FieldError); ok { //nolint:errorlint // the list holds these errors themselves
			field.Field = abbreviate(known.FieldPath())
			field.Message, _, _ = strings.Cut(err.Error(), ` "`)
		}
		fields = append(fields, field)
	}
	return fields
}

// nulls are the first fields that are null. Go takes null for whatever is empty: an element of a
// command would silently become an empty argument. The data are known to be JSON.
func nulls(data []byte) []problem.FieldError {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber() // whatever their size
	var body any
	if err := decoder.Decode(&body); err != nil {
		return []problem.FieldError{{Message: abbreviate(err.Error())}}
	}
	var fields []problem.FieldError
	var at path
	var walk func(value any)
	walk = func(value any) {
		switch value := value.(type) {
		case nil:
			if len(fields) < maxFieldErrors {
				fields = append(fields, problem.FieldError{Field: abbreviate(at.String()), Message: "must not be null: leave it out"})
			}
		case []any:
			for i, element := range value {
				at = append(at, step{index: i, element: true})
				walk(element)
				at = at[:len(at)-1]
			}
		case map[string]any:
			for _, name := range slices.Sorted(maps.Keys(value)) {
				at = append(at, step{name: name})
				walk(value[name])
				at = at[:len(at)-1]
			}
		}
	}
	walk(body)
	return fields
}

// slow is the problem of a body that took too long. The server is not what took long, which the
// status says: nothing has happened.
func slow() error {
	p := problem.Timeout.With("the body did not arrive in time; nothing has happened, so send it again")
	p.Status = http.StatusRequestTimeout
	return p
}

func checkMediaType(contentType string) error {
	mediaType, parameters, err := mime.ParseMediaType(contentType)
	charset := parameters["charset"]
	if err != nil || mediaType != "application/json" || charset != "" && !strings.EqualFold(charset, "utf-8") {
		return problem.UnsupportedType.With("the body must be JSON, and the header Content-Type say application/json")
	}
	return nil
}

// malformed says what is wrong with a body that could not be decoded.
func malformed(err error, data []byte) error {
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrong) && wrong.Field == "":
		return notObject(wrong.Value)
	case errors.As(err, &wrong):
		name := wrong.Field
		// The error names a field of the model, not which of its elements.
		if exact := pathTo(data, wrong.Offset).String(); strings.HasPrefix(exact, name) {
			name = exact
		}
		field := problem.FieldError{
			Field:   abbreviate(name),
			Message: fmt.Sprintf("must be %s, not %s", typeName(wrong.Type), abbreviate(wrong.Value)),
		}
		return problem.BadRequest.With(field.Field+" "+field.Message, field)
	}
	return problem.BadRequest.With("the body is no JSON: " + abbreviate(err.Error()))
}

func notObject(what string) error {
	return problem.BadRequest.With("the body must be a JSON object, not " + abbreviate(what))
}

// typeName is what JSON calls a type of the models.
func typeName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return typeName(t.Elem())
	case reflect.String:
		return "a string"
	case reflect.Int64:
		return "a whole number"
	case reflect.Slice:
		return "an array"
	case reflect.Map, reflect.Struct:
		return "an object"
	}
	return t.String()
}

// abbreviate keeps a message readable whatever somebody sent.
func abbreviate(s string) string {
	if len(s) > maxFieldName {
		s = s[:maxFieldName] + "…"
	}
	return strings.ToValidUTF8(s, "")
}

// invalid is the problem of values that are not allowed.
func invalid(fields ...problem.FieldError) error {
	return problem.Invalid.With(fields[0].Field+": "+fields[0].Message+andMore(fields), fields...)
}

func andMore(fields []problem.FieldError) string {
	switch more := len(fields) - 1; more {
	case 0:
		return ""
	case 1:
		return ", and one field more"
	default:
		return fmt.Sprintf(", and %d fields more", more)
	}
}
