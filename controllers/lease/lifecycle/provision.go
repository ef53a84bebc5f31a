package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/reconciler/driver"
)

const (
	// progressEvery is how often the progress of a pull is written to the status.
	progressEvery = 2 * time.Second
	// turnEvery is how long to wait for a turn to create a container, at most, before asking again.
	turnEvery = 2 * time.Second
)

// provision takes a lease from its image to a running container, as far as it gets
// without blocking for longer than a call to the engine may take.
func (c *Controller) provision(ctx context.Context, s *scope) step {
	if !s.exists() {
		if result, ready := c.image(ctx, s); !ready {
			return result
		}
	}
	key := keyOf(s.lease)
	if !c.creations.Enter(key) {
		return step{wait: turnEvery}
	}
	defer c.creations.Leave()

	if !s.exists() {
		container, err := c.driver.Create(ctx, containerSpec(s.lease, s.acceptance))
		if err != nil {
			return refusal(v1alpha1.ReasonCreateFailed, fmt.Errorf("creating the container: %w", err))
		}
		log.FromContext(ctx).Info("created the container", "containerID", container.ID, "image", s.acceptance.image)
	}
	if err := c.driver.Start(ctx, string(s.lease.UID)); err != nil {
		return refusal(v1alpha1.ReasonStartFailed, fmt.Errorf("starting the container: %w", err))
	}
	return step{}
}

// image reports whether the image is there to create the container from. Otherwise the step
// says what is being done about it.
func (c *Controller) image(ctx context.Context, s *scope) (step, bool) {
	reference, pulls := s.acceptance.image, s.acceptance.class.Spec.Images.PullPolicy
	if pulls != v1alpha1.PullAlways {
		_, err := c.driver.ImageExists(ctx, reference)
		switch {
		case err == nil:
			return step{}, true
		case !errors.Is(err, driver.ErrNotFound):
			return refusal(v1alpha1.ReasonPullFailed, fmt.Errorf("looking for image %s: %w", reference, err)), false
		case pulls == v1alpha1.PullNever:
			err := fmt.Errorf("image %s is not on the engine, and the class never pulls", reference)
			return step{reason: v1alpha1.ReasonPullFailed, message: sentence(err), err: err}, false
		}
	}
	state := c.puller.Pull(reference)
	switch {
	case !state.Done:
		c.pulling.add(reference, keyOf(s.lease))
		if state.Progress == (driver.PullProgress{}) && reasonOf(&s.lease.Status, v1alpha1.ConditionProvisioned) == v1alpha1.ReasonPullFailed {
			// Another attempt has begun. Until it gets anywhere, why the last one failed is
			// what is worth knowing.
			return step{wait: progressEvery}, false
		}
		return step{
			reason:  v1alpha1.ReasonPulling,
			message: fmt.Sprintf("Pulling %s%s.", reference, progressText(state.Progress)),
			wait:    progressEvery,
		}, false
	case state.Err != nil:
		result := refusal(v1alpha1.ReasonPullFailed, fmt.Errorf("pulling %s: %w", reference, state.Err))
		result.hopeless = false // The registry may get it, or let us have it, before the deadline.
		return result, false
	default:
		return step{}, true
	}
}

func progressText(p driver.PullProgress) string {
	switch {
	case p.BytesTotal > 0:
		return fmt.Sprintf(": %d of %d layers, %.1f of %.1f MB", p.LayersDone, p.LayersTotal,
			float64(p.BytesDone)/1e6, float64(p.BytesTotal)/1e6)
	case p.LayersTotal > 0:
		return fmt.Sprintf(": %d of %d layers", p.LayersDone, p.LayersTotal)
	default:
		return ""
	}
}

// refusal is the step of an engine call that failed. An engine that does not answer is another
// reason than one that says no.
func refusal(reason string, err error) step {
	if errors.Is(err, driver.ErrUnavailable) {
		return step{reason: v1alpha1.ReasonEngineUnavailable, message: sentence(err), err: err}
	}
	return step{reason: reason, message: sentence(err), err: err, hopeless: errors.Is(err, driver.ErrInvalid)}
}

// maxMessage bounds a message, in bytes. An Event's note may have 1024, and an engine may say
// anything.
const maxMessage = 900

// sentence is an error as a message for people.
func sentence(err error) string {
	text := err.Error()
	if len(text) > maxMessage {
		text = strings.ToValidUTF8(text[:maxMessage], "") + "…"
	}
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + strings.TrimSuffix(text[1:], ".") + "."
}

// containerSpec is the container a lease asks for, with what its class adds.
func containerSpec(lease *v1alpha1.ContainerLease, a *acceptance) driver.ContainerSpec {
	isolation := a.class.Spec.Isolation
	spec := driver.ContainerSpec{
		Owner:                  driver.Identity{Namespace: lease.Namespace, Name: lease.Name, UID: string(lease.UID)},
		Image:                  a.image,
		Command:                lease.Spec.Command,
		Args:                   lease.Spec.Args,
		WorkingDir:             lease.Spec.WorkingDir,
		User:                   lease.Spec.User,
		TTY:                    lease.Spec.TTY,
		Limits:                 wanted(lease),
		PidsLimit:              ptr.Deref(isolation.PidsLimit, v1alpha1.DefaultPidsLimit),
		ReadOnlyRootFilesystem: isolation.ReadOnlyRootFilesystem,
		Network:                driver.NetworkIsolated,
		Runtime:                isolation.Runtime,
	}
	if isolation.Network == v1alpha1.NetworkNone {
		spec.Network = driver.NetworkNone
	}
	for _, v := range lease.Spec.Env {
		spec.Env = append(spec.Env, driver.EnvVar{Name: v.Name, Value: v.Value})
	}
	for _, p := range lease.Spec.Ports {
		protocol := "tcp"
		if p.Protocol == "UDP" {
			protocol = "udp"
		}
		spec.Ports = append(spec.Ports, driver.Port{ContainerPort: p.ContainerPort, Protocol: protocol})
	}
	return spec
}
