package driver

import "errors"

// Errors a caller can act on. Test with errors.Is; the message names the cause.
var (
	// ErrNotFound means the container or image does not exist.
	ErrNotFound = errors.New("not found")
	// ErrConflict means a name is taken by something that isn't ours.
	ErrConflict = errors.New("conflict")
	// ErrInvalid means the engine refuses what was asked, and will again.
	ErrInvalid = errors.New("invalid")
	// ErrDenied means a registry refuses access.
	ErrDenied = errors.New("denied")
	// ErrUnavailable means the engine does not answer, or not in time.
	ErrUnavailable = errors.New("engine unavailable")
)
