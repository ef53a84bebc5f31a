package v1alpha1

import (
	"net/url"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// LogFormat is how the lines of a log are written. It is an alias since the API server
// describes only query parameters of Go's own types.
type LogFormat = string

const (
	// LogText is the output as the container wrote it: standard output and standard error in one.
	LogText LogFormat = "text"
	// LogJSON is a LogRecord a line.
	LogJSON LogFormat = "json"
)

// LogRecord is a line of a log in LogJSON. Either it is a line of output, or it says how
// many lines are missing at its place.
type LogRecord struct {
	// Timestamp is when the line was written, in RFC 3339 with nanoseconds. It grows from each
	// record to the next, and is the same whenever the line is read, so that it can be
	// the after of another request.
	Timestamp string `json:"timestamp,omitempty"`
	// Stream is stdout or stderr. With a terminal it is always stdout.
	Stream string `json:"stream,omitempty"`
	// Line is the text without its line end. What is no UTF-8 is replaced by U+FFFD.
	Line string `json:"line"`
	// Partial means that the line goes on in the next record of its stream: lines of more than
	// 64 KiB are cut.
	Partial bool `json:"partial,omitempty"`
	// Dropped is how many lines were passed over because the reader did not keep up. A record that
	// has it has nothing else.
	Dropped int64 `json:"dropped,omitempty"`
}

// ContainerLeaseLogOptions are the query parameters of the log subresource of a lease.
//
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
type ContainerLeaseLogOptions struct {
	metav1.TypeMeta `json:",inline"`

	// Follow keeps the response open and sends lines as they are written, until the container ends.
	// +optional
	Follow bool `json:"follow,omitempty"`
	// TailLines is how many of the last lines to send. Defaults to all.
	// +optional
	TailLines *int64 `json:"tailLines,omitempty"`
	// SinceSeconds leaves out lines older than so many seconds. Excludes sinceTime.
	// +optional
	SinceSeconds *int64 `json:"sinceSeconds,omitempty"`
	// SinceTime leaves out lines older than this moment, in RFC 3339. Excludes sinceSeconds.
	// +optional
	SinceTime *Timestamp `json:"sinceTime,omitempty"`
	// After leaves out every line up to and including the one with this timestamp, as it was handed out
	// before: a reader that was cut off goes on where it was, without a line lost or repeated.
	// +optional
	After *Timestamp `json:"after,omitempty"`
	// Timestamps puts the time of each line, in RFC 3339 with nanoseconds, in front of it. Format json
	// always has it.
	// +optional
	Timestamps bool `json:"timestamps,omitempty"`
	// Format is text, the default, or json: a LogRecord a line. Who follows a log as text
	// gets every line that the engine still has; as json, a reader that does not keep up is told how many
	// lines it missed, and goes on with recent ones.
	// +optional
	Format LogFormat `json:"format,omitempty"`
}

// ParseContainerLeaseLogOptions reads query parameters. It fails for a value that
// can't be read; what makes no sense is left to ValidateContainerLeaseLogOptions.
func ParseContainerLeaseLogOptions(query url.Values, out *ContainerLeaseLogOptions) error {
	return readQuery(query, map[string]func(string) error{
		"follow":       readBool(&out.Follow),
		"tailLines":    readInt(&out.TailLines),
		"sinceSeconds": readInt(&out.SinceSeconds),
		"sinceTime":    readTimestamp(&out.SinceTime),
		"after":        readTimestamp(&out.After),
		"timestamps":   readBool(&out.Timestamps),
		"format":       readFormat(&out.Format),
	})
}

func readFormat(out *LogFormat) func(string) error {
	return func(s string) error {
		*out = s
		return nil
	}
}
