package tokens

import (
	"cmp"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"
)

// formatVersion is the file's. A file of a later version is refused: what it says may mean
// more than is understood here.
const formatVersion = 1

// document is the file.
type document struct {
	Version int      `json:"version"`
	Entries []record `json:"entries"`
}

// record is an entry with what its secret is recognised by.
type record struct {
	Entry
	SHA256 hash `json:"sha256"`
}

// hash is written in hexadecimal.
type hash [sha256.Size]byte

// MarshalText implements encoding.TextMarshaler.
func (h hash) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(h[:])), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (h *hash) UnmarshalText(text []byte) error {
	data, err := hex.DecodeString(string(text))
	if err != nil || len(data) != len(h) {
		return fmt.Errorf("must be %d hexadecimal digits", 2*len(h))
	}
	copy(h[:], data)
	return nil
}

// book is the content of the file by ID.
type book map[string]record

// parse reads a file's content, and trusts none of it.
func parse(r io.Reader) (book, error) {
	decoder := json.NewDecoder(r)
	decoder.DisallowUnknownFields()
	var doc document
	if err := decoder.Decode(&doc); err != nil {
		return nil, err
	}
	if decoder.More() {
		return nil, errors.New("there is something behind the document")
	}
	if doc.Version != formatVersion {
		return nil, fmt.Errorf("version: %d: must be %d; a later server may have written it", doc.Version, formatVersion)
	}
	b := make(book, len(doc.Entries))
	for i, r := range doc.Entries {
		if err := r.validate(); err != nil {
			return nil, fmt.Errorf("entries[%d]: %w", i, err)
		}
		if _, taken := b[r.ID]; taken {
			return nil, fmt.Errorf("entries[%d]: id: %q: there is another", i, r.ID)
		}
		b[r.ID] = r
	}
	return b, nil
}

func (r record) validate() error {
	switch {
	case r.ID == "":
		return errors.New("id: must not be empty")
	case r.Kind != KindToken && r.Kind != KindSession && r.Kind != KindLink:
		return fmt.Errorf("kind: %q: must be %s, %s or %s", r.Kind, KindToken, KindSession, KindLink)
	case r.SHA256 == hash{}:
		return errors.New("sha256: is missing")
	case r.Parent != "" && r.Kind != KindSession:
		return fmt.Errorf("parent: %q: only sessions have one", r.Parent)
	}
	return r.Grant.Validate()
}

// write is the reverse of parse, in an order that does not change between writes.
func (b book) write(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(document{Version: formatVersion, Entries: b.sorted()})
}

// sorted returns the records, the oldest first.
func (b book) sorted() []record {
	return slices.SortedFunc(maps.Values(b), func(x, y record) int {
		return cmp.Or(x.Created.Compare(y.Created), cmp.Compare(x.ID, y.ID))
	})
}

// match returns the entry of a secret that is in force. Its Expires is the sooner of
// its own and its parent's. The error is ErrInvalid or ErrExpired; that a token has expired
// is told only to who has its secret.
func (b book) match(secret string, now time.Time) (Entry, error) {
	id, ok := split(secret)
	if !ok {
		return Entry{}, ErrInvalid
	}
	r, ok := b[id]
	given := digest(secret)
	if !ok || subtle.ConstantTimeCompare(r.SHA256[:], given[:]) != 1 {
		return Entry{}, ErrInvalid
	}
	entry, ok := b.bounded(r)
	switch {
	case !ok:
		return Entry{}, ErrInvalid
	case entry.expired(now):
		return Entry{}, ErrExpired
	}
	return entry, nil
}

// bounded returns a record's entry with Expires brought forward to its parent's; false if
// the parent is gone.
func (b book) bounded(r record) (Entry, bool) {
	entry := r.Entry
	if entry.Parent == "" {
		return entry, true
	}
	parent, ok := b[entry.Parent]
	if !ok || parent.Kind != KindToken {
		return entry, false
	}
	entry.Expires = sooner(entry.Expires, parent.Expires)
	return entry, true
}

// prune removes what can't be in force any more.
func (b book) prune(now time.Time) {
	maps.DeleteFunc(b, func(_ string, r record) bool {
		entry, ok := b.bounded(r)
		return !ok || entry.expired(now)
	})
}

// sooner of two times of expiry, of which zero is never.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
