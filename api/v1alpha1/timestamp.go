package v1alpha1

import (
	"encoding/json"
	"fmt"
	"time"
)

// Timestamp is a moment in UTC with the engine's own precision, nanoseconds, written
// in JSON as RFC 3339. metav1.Time drops the fraction and metav1.MicroTime half of it;
// with either, an amount could not be recomputed from its record.
//
// +kubebuilder:validation:Type=string
// +kubebuilder:validation:Format=date-time
type Timestamp struct {
	time.Time `json:"-"`
}

// NewTimestamp returns t as a Timestamp, without its monotonic reading.
func NewTimestamp(t time.Time) Timestamp { return Timestamp{t.UTC().Round(0)} }

// ParseTimestamp reads RFC 3339, with a fraction or without.
func ParseTimestamp(s string) (Timestamp, error) {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return Timestamp{}, err
	}
	return NewTimestamp(t), nil
}

// DeepCopyInto copies the receiver into out. A time.Time holds nothing that is shared.
func (t *Timestamp) DeepCopyInto(out *Timestamp) { *out = *t }

// Equal reports whether both are the same moment, or both nil.
func (t *Timestamp) Equal(u *Timestamp) bool {
	if t == nil || u == nil {
		return t == u
	}
	return t.Time.Equal(u.Time)
}

// MarshalJSON writes RFC 3339 with as many decimals as are needed, or null for the zero time.
func (t Timestamp) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	return json.Marshal(t.UTC().Format(time.RFC3339Nano))
}

// ToUnstructured is MarshalJSON for the unstructured converter.
func (t Timestamp) ToUnstructured() any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// UnmarshalJSON reads RFC 3339 or null.
func (t *Timestamp) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		t.Time = time.Time{}
		return nil
	}
	var s string
	if err := json.Unmarshal(data, &s); err != nil {
		return fmt.Errorf("timestamp: %w", err)
	}
	parsed, err := ParseTimestamp(s)
	if err != nil {
		return fmt.Errorf("timestamp: %w", err)
	}
	*t = parsed
	return nil
}

// OpenAPISchemaType is the type of the field in the OpenAPI document.
func (Timestamp) OpenAPISchemaType() []string { return []string{"string"} }

// OpenAPISchemaFormat is the format of the field in the OpenAPI document.
func (Timestamp) OpenAPISchemaFormat() string { return "date-time" }
