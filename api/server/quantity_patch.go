package server

import (
	"encoding/json"
	"errors"
	"io"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// checkJSONPatch is check for a JSON patch (RFC 6902): the values it brings are where it
// puts them. What it copies or moves to where a quantity is could be anything that the object
// holds, so that has to be given as a value instead.
func (f *quantityFields) checkJSONPatch(patch []byte) (field.ErrorList, error) {
	// As the library reads it, which takes the last of fields that are there twice.
	var operations []map[string]json.RawMessage
	if err := json.Unmarshal(patch, &operations); err != nil {
		return nil, endOr(err, patch)
	}
	var wrong field.ErrorList
	for _, operation := range operations {
		var op, pointer string
		// What has no path, or one that is no string, changes nothing: the library refuses it.
		if json.Unmarshal(operation["op"], &op) != nil || json.Unmarshal(operation["path"], &pointer) != nil {
			continue
		}
		fields, path := f.at(pointer)
		switch {
		case fields == nil:
		case op == "copy" || op == "move":
			if path == nil {
				path = field.NewPath("patch")
			}
			wrong = append(wrong, field.Forbidden(path, "can't be the target of "+op+", since it is or holds a quantity: give the value"))
		case operation["value"] != nil:
			walk := newQuantityWalk(operation["value"])
			if err := walk.value(fields, path); err != nil {
				return nil, err
			}
			wrong = append(wrong, walk.wrong...)
		}
	}
	return wrong, nil
}

// unescape reads a part of a JSON pointer (RFC 6901).
var unescape = strings.NewReplacer("~1", "/", "~0", "~")

// at returns the tree below what a JSON pointer points to, nil if there is no quantity there
// or below. The library ignores what is before the first slash, and so must this.
func (f *quantityFields) at(pointer string) (*quantityFields, *field.Path) {
	var path *field.Path
	for _, part := range strings.Split(pointer, "/")[1:] {
		if f == nil {
			return nil, nil
		}
		name := unescape.Replace(part)
		if f.element != nil {
			f, path = f.element, path.Key(name)
		} else {
			f, path = f.children[name], path.Child(name)
		}
	}
	return f, path
}

// endOr is io.EOF for JSON that ends too early, else err.
func endOr(err error, document []byte) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) && syntax.Offset >= int64(len(document)) {
		return io.EOF
	}
	return err
}
