package run

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/cmd/leasectl/progress"
)

// summary says of a lease that runs, or has completed, what its user wants to know next:
// until when, at what price, and where its ports are.
func summary(lease *v1alpha1.ContainerLease, now time.Time) string {
	status := lease.Status
	if status.FinishTime != nil || status.FinishReason != "" {
		return fmt.Sprintf("%s: %s", lease.Name, progress.Of(lease))
	}
	parts := []string{lease.Name + ": running"}
	if status.ExpirationTime != nil {
		parts = append(parts, fmt.Sprintf("expires in %s (%s)",
			duration.HumanDuration(status.ExpirationTime.Sub(now).Round(time.Second)), status.ExpirationTime.UTC().Format(time.RFC3339)))
	}
	if cost := status.Cost; cost != nil && cost.Estimated != "" {
		parts = append(parts, fmt.Sprintf("about %s %s", cost.Estimated, cost.Currency))
	}
	lines := []string{strings.Join(parts, ", ")}
	if status.Container != nil {
		for _, port := range status.Container.Ports {
			lines = append(lines, fmt.Sprintf("%s: port %d/%s is at %s", lease.Name, port.ContainerPort,
				strings.ToLower(string(port.Protocol)), net.JoinHostPort(port.HostIP, strconv.Itoa(int(port.HostPort)))))
		}
	}
	return strings.Join(lines, "\n")
}
