package tokens

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"strings"
)

const (
	// prefix begins every secret, so that people and scanners know what they have found.
	prefix = "cl_"
	// idBytes make an ID: collisions are looked for, so that it may be short to type.
	idBytes = 5
	// secretBytes are 256 bits of randomness. Nobody can try so many, which is why a plain
	// hash is enough to keep.
	secretBytes = 32
)

// encoding has no character that a URL, a cookie or a shell minds, nor one that a double
// click stops at.
var encoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

func random(n int) string {
	data := make([]byte, n)
	_, _ = rand.Read(data) // never fails, as documented
	return encoding.EncodeToString(data)
}

// newSecret makes the secret of an entry.
func newSecret(id string) string { return prefix + id + "_" + random(secretBytes) }

// split returns the ID in a secret; false if it can't be one of ours.
func split(secret string) (id string, ok bool) {
	rest, ok := strings.CutPrefix(secret, prefix)
	if !ok {
		return "", false
	}
	id, random, ok := strings.Cut(rest, "_")
	return id, ok && id != "" && random != ""
}

// digest is what is kept of a secret.
func digest(secret string) [sha256.Size]byte { return sha256.Sum256([]byte(secret)) }
