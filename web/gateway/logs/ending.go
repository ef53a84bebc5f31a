package logs

import (
	"fmt"

	"github.com/coder/websocket"

	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/web/gateway/socket"
)

// ending is why a viewer ends: the last frame, and the code it is closed with.
type ending struct {
	note
	code websocket.StatusCode
}

// Reasons of endings that are none of the lease's.
const (
	// reasonSignedOut: the credential has expired or was revoked, or the role was taken away.
	reasonSignedOut = "SignedOut"
	// reasonStopping: the server stops; another may take over.
	reasonStopping = "Stopping"
	// reasonSilent: the peer neither took anything nor answered.
	reasonSilent = "Silent"
	// reasonSpokenTo: the peer sent a message.
	reasonSpokenTo = "SpokenTo"
)

var (
	endedSignedOut = &ending{note{level: levelWarn, reason: reasonSignedOut,
		message: "you may no longer see this log: the credential has ended, or the role was taken away"}, websocket.StatusPolicyViolation}
	endedStopping = &ending{note{level: levelInfo, reason: reasonStopping,
		message: "the server stops; connect again with the timestamp of the last frame as ?since="}, websocket.StatusGoingAway}
	endedSilent = &ending{note{level: levelWarn, reason: reasonSilent,
		message: "no answer to the last pings"}, websocket.StatusPolicyViolation}
	endedSpokenTo = &ending{note{level: levelWarn, reason: reasonSpokenTo,
		message: "this stream takes no messages"}, websocket.StatusPolicyViolation}
)

// endedBy are the endings of what ends a socket from outside.
var endedBy = map[error]*ending{
	socket.ErrSignedOut: endedSignedOut,
	socket.ErrStopping:  endedStopping,
	socket.ErrSilent:    endedSilent,
	socket.ErrSpokenTo:  endedSpokenTo,
}

// endOf is the ending of a viewer whose lease is over.
func endOf(lease *v1alpha1.ContainerLease) *ending {
	status := &lease.Status
	e := &ending{note{level: levelInfo, reason: string(status.FinishReason)}, websocket.StatusNormalClosure}
	switch status.FinishReason {
	case v1alpha1.FinishExpired:
		e.message = "the lease expired"
	case v1alpha1.FinishCompleted:
		e.message = "the command completed"
	case v1alpha1.FinishDeleted:
		e.message = "the lease was deleted"
	case v1alpha1.FinishFailed:
		e.level, e.message = levelError, "the command failed"
	case v1alpha1.FinishOOMKilled:
		e.level, e.message = levelError, "the command used more memory than its limit and was killed"
	case v1alpha1.FinishLost:
		e.level, e.message = levelError, "the container was lost: nobody saw its end"
	case v1alpha1.FinishProvisioningFailed:
		e.level, e.message = levelError, "the container could not be started"
		if why := conditionMessage(lease, v1alpha1.ConditionFinished); why != "" {
			e.message += ": " + why
		}
	default:
		e.message = "the lease ended: " + string(status.FinishReason)
	}
	if c := status.Container; c != nil && c.ExitCode != nil {
		e.exitCode = c.ExitCode
		e.message += fmt.Sprintf("; the container exited with code %d", *c.ExitCode)
	}
	return e
}

// endOfGone is the ending of a viewer whose lease is there no more. last is how it was seen last.
func endOfGone(last *v1alpha1.ContainerLease) *ending {
	if last.Status.FinishReason != "" {
		return endOf(last)
	}
	last = last.DeepCopy()
	last.Status.FinishReason = v1alpha1.FinishDeleted
	return endOf(last)
}

func conditionMessage(lease *v1alpha1.ContainerLease, name string) string {
	for _, c := range lease.Status.Conditions {
		if c.Type == name {
			return c.Message
		}
	}
	return ""
}
