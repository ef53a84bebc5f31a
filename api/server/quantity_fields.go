package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// quantityFields is a tree of the JSON fields that lead to quantities.
type quantityFields struct {
	// children are the fields of an object, by name.
	children map[string]*quantityFields
	// element is what a list, or an object used as a map, is made of.
	element *quantityFields
	// quantity says that this is one.
	quantity bool
}

var quantityType = reflect.TypeFor[resource.Quantity]()

// quantityFieldsOf returns the tree for all types of a scheme, as one: which of them a body
// is can only be known by decoding it.
func quantityFieldsOf(scheme *runtime.Scheme) *quantityFields {
	root := &quantityFields{}
	for _, t := range scheme.AllKnownTypes() {
		root.add(t, map[reflect.Type]bool{})
	}
	return root
}

// add adds what a type holds and returns whether that is anything. Types that contain
// themselves are followed once.
func (f *quantityFields) add(t reflect.Type, above map[reflect.Type]bool) bool {
	switch {
	case t == quantityType:
		f.quantity = true
		return true
	case above[t]:
		return false
	}
	above[t] = true
	defer delete(above, t)
	switch t.Kind() {
	case reflect.Pointer:
		return f.add(t.Elem(), above)
	case reflect.Slice, reflect.Array, reflect.Map:
		element := f.element
		if element == nil {
			element = &quantityFields{}
		}
		if !element.add(t.Elem(), above) {
			return false
		}
		f.element = element
		return true
	case reflect.Struct:
		found := false
		for i := range t.NumField() {
			found = f.addField(t.Field(i), above) || found
		}
		return found
	}
	return false
}

func (f *quantityFields) addField(structField reflect.StructField, above map[reflect.Type]bool) bool {
	name, options, _ := strings.Cut(structField.Tag.Get("json"), ",")
	switch {
	case name == "-" || !structField.IsExported():
		return false
	case name == "" && (structField.Anonymous || strings.Contains(options, "inline")):
		return f.add(structField.Type, above)
	case name == "":
		name = structField.Name
	}
	child := f.children[name]
	if child == nil {
		child = &quantityFields{}
	}
	if !child.add(structField.Type, above) {
		return false
	}
	if f.children == nil {
		f.children = map[string]*quantityFields{}
	}
	f.children[name] = child
	return true
}

// child is the tree below a field or an element; nil if there is no quantity. Go's decoder
// matches names exactly, and so does this.
func (f *quantityFields) child(name string) *quantityFields {
	if child := f.children[name]; child != nil {
		return child
	}
	return f.element
}

// check returns the quantities in a JSON document that are absurd. Its error says that the
// document is not well-formed; it is io.EOF, or wraps it, if the end is missing.
func (f *quantityFields) check(document []byte) (field.ErrorList, error) {
	walk := newQuantityWalk(document)
	err := walk.value(f, nil)
	return walk.wrong, err
}

// quantityWalk goes through a document token by token. Decoding it into maps would show only
// the last of fields that are there twice, while a decoder into structs decodes each.
type quantityWalk struct {
	*json.Decoder
	wrong field.ErrorList
}

func newQuantityWalk(document []byte) *quantityWalk {
	walk := &quantityWalk{Decoder: json.NewDecoder(bytes.NewReader(document))}
	walk.UseNumber()
	return walk
}

// value reads one value, which is at path. The recursion is as deep as the tree.
func (w *quantityWalk) value(fields *quantityFields, path *field.Path) error {
	if fields == nil {
		return w.skip()
	}
	token, err := w.token()
	if err != nil {
		return err
	}
	switch token := token.(type) {
	case string:
		w.judge(fields, token, path)
	case json.Number:
		w.judge(fields, token.String(), path)
	case json.Delim:
		for i := 0; w.More(); i++ {
			err := w.member(token, i, fields, path)
			if err != nil {
				return err
			}
		}
		_, err = w.token() // the closing one
	}
	return err
}

// member reads a field of an object, or an element of a list.
func (w *quantityWalk) member(of json.Delim, index int, fields *quantityFields, path *field.Path) error {
	if of == '[' {
		return w.value(fields.element, path.Index(index))
	}
	token, err := w.token()
	if err != nil {
		return err
	}
	name, _ := token.(string) // anything else is a syntax error by now
	return w.value(fields.child(name), path.Child(name))
}

func (w *quantityWalk) judge(fields *quantityFields, text string, path *field.Path) {
	if fields.quantity && absurd([]byte(text)) {
		w.wrong = append(w.wrong, field.Invalid(path, abridged(text),
			`is no size that makes sense: write a quantity such as "500m" or "512Mi", of at most 64 characters and with an exponent of at most 3 digits`))
	}
}

// skip reads one value without looking at it. It does not recurse: whoever sends it decides
// how deep it is.
func (w *quantityWalk) skip() error {
	for depth := 0; ; {
		token, err := w.token()
		if err != nil {
			return err
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth <= 0 {
			return nil
		}
	}
}

func (w *quantityWalk) token() (json.Token, error) {
	token, err := w.Token()
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	return token, err
}

// abridged is the beginning of what may be a megabyte long.
func abridged(text string) string {
	const most = 40
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
