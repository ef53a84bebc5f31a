package roles

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
)

const (
	// hashDigits are appended to a label that is derived from a name.
	hashDigits = 12
	// maxLabel is the length of a namespace's name.
	maxLabel = validation.DNS1123LabelMaxLength
)

var (
	// derived is the form of what OwnNamespace makes of a name that is no namespace's. A user
	// who is called like that must not meet the one it was made for.
	derived = regexp.MustCompile(`-[0-9a-f]{12}$`)
	// notLabel is what a label can't hold.
	notLabel = regexp.MustCompile(`[^a-z0-9]+`)
	// shared namespaces are nobody's own, whatever a user is called.
	shared = []string{metav1.NamespaceDefault, "containerlease-system"}
)

// OwnNamespace is the namespace of a user's own: the name itself if a namespace can be
// called so, else a name derived from it that ends in a part of its hash. Two users never
// share one. It is a pure function: no namespace need exist. Nobody ("") has none.
func OwnNamespace(userName string) string {
	switch {
	case userName == "":
		return ""
	case len(validation.IsDNS1123Label(userName)) == 0 && !derived.MatchString(userName) && !slices.Contains(shared, userName):
		return userName
	}
	sum := sha256.Sum256([]byte(userName))
	hash := hex.EncodeToString(sum[:])[:hashDigits]
	label := strings.Trim(notLabel.ReplaceAllString(strings.ToLower(userName), "-"), "-")
	label = strings.TrimRight(label[:min(len(label), maxLabel-1-hashDigits)], "-")
	if label == "" {
		label = "user"
	}
	return label + "-" + hash
}
