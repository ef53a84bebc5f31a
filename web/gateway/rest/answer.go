package rest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
)

// answer sends a model as JSON.
func answer(w http.ResponseWriter, status int, model any) error {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(model); err != nil {
		return fmt.Errorf("encoding the answer: %w", err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body.Bytes()) // nobody is left to tell
	return nil
}
