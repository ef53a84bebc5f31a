package rest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// path leads to a value of a body. It is put into words only where there is something to say: the
// paths to all values of one megabyte can be gigabytes together.
type path []step

// step leads to a field, or to an element of an array.
type step struct {
	name    string
	index   int
	element bool
}

// String is the path as a problem names it: env.NAME, command[1].
func (p path) String() string {
	var b strings.Builder
	for _, step := range p {
		switch {
		case step.element:
			fmt.Fprintf(&b, "[%d]", step.index)
		case b.Len() > 0:
			b.WriteString("." + step.name)
		default:
			b.WriteString(step.name)
		}
	}
	return b.String()
}

// pathTo returns the path to the value of a body whose first token ends at offset, which is where a
// json.UnmarshalTypeError says that it is; nil if there is none.
func pathTo(body []byte, offset int64) path {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber() // whatever their size
	var at path         // to the next value, in all the arrays and objects that are open
	named := false      // whether the next value of the innermost object has got its name
	for {
		token, err := decoder.Token()
		if err != nil {
			return nil
		}
		last := len(at) - 1
		opens, closes := false, false
		if bracket, ok := token.(json.Delim); ok {
			closes = bracket == '}' || bracket == ']'
			opens = !closes
		}
		if name, ok := token.(string); ok && last >= 0 && !at[last].element && !named {
			at[last].name, named = name, true
			continue
		}
		switch {
		case closes:
			at = at[:last]
			last--
		case decoder.InputOffset() >= offset:
			return at
		case opens:
			at, named = append(at, step{element: token == json.Delim('[')}), false
			continue
		}
		// A value has ended.
		switch {
		case last < 0:
		case at[last].element:
			at[last].index++
		default:
			named = false
		}
	}
}
