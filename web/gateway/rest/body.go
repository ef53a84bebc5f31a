package rest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"reflect"
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
	case err != nil:
		return problem.BadRequest.With("the body could not be read to its end")
	}
	strict, err := kjson.UnmarshalStrict(data, model)
	if err != nil {
		return malformed(err)
	}
	if len(strict) == 0 {
		return nil
	}
	var fields []problem.FieldError
	for _, err := range strict[:min(len(strict), maxFieldErrors)] {
		field, message := "", err.Error()
		if known, ok := err.(kjson.FieldError); ok { //nolint:errorlint // the list holds these errors themselves
			field = abbreviate(known.FieldPath())
			message, _, _ = strings.Cut(message, ` "`)
		}
		fields = append(fields, problem.FieldError{Field: field, Message: message})
	}
	return problem.BadRequest.With("the body has "+fields[0].Message+" "+fields[0].Field+andMore(fields), fields...)
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
func malformed(err error) error {
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrong) && wrong.Field == "":
		return problem.BadRequest.With("the body must be a JSON object, not " + abbreviate(wrong.Value))
	case errors.As(err, &wrong):
		field := problem.FieldError{
			Field:   abbreviate(wrong.Field),
			Message: fmt.Sprintf("must be %s, not %s", typeName(wrong.Type), abbreviate(wrong.Value)),
		}
		return problem.BadRequest.With(field.Field+" "+field.Message, field)
	}
	return problem.BadRequest.With("the body is no JSON: " + abbreviate(err.Error()))
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
