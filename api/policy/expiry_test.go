package policy

import (
	"testing"
	"time"

	"k8s.io/utils/ptr"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

func TestRemainingTime(t *testing.T) {
	start := time.Unix(1700000000, 5)
	expiration := ExpirationTime(start, time.Minute)
	for name, tc := range map[string]struct {
		now  time.Time
		want time.Duration
	}{
		"Before": {start, time.Minute},
		"Almost": {expiration.Add(-1), 1},
		"At":     {expiration, 0},
		"After":  {expiration.Add(time.Hour), 0},
	} {
		t.Run(name, func(t *testing.T) {
			if got := RemainingTime(expiration, tc.now); got != tc.want {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}

func TestFinishReasonOf(t *testing.T) {
	expiration := time.Unix(1700000000, 0)
	before, after := expiration.Add(-1), expiration.Add(1)
	for name, tc := range map[string]struct {
		deleted    bool
		expiration *time.Time
		finishedAt time.Time
		exitCode   int
		oomKilled  bool
		want       v1alpha1.FinishReason
	}{
		"ExitAtExpiration":           {false, &expiration, expiration, 137, false, v1alpha1.FinishExpired},
		"ExitAfterExpiration":        {false, &expiration, after, 0, false, v1alpha1.FinishExpired},
		"ExpiredOverOOM":             {false, &expiration, after, 137, true, v1alpha1.FinishExpired},
		"ExpiredOverDeleted":         {true, &expiration, after, 143, false, v1alpha1.FinishExpired},
		"Completed":                  {false, &expiration, before, 0, false, v1alpha1.FinishCompleted},
		"Failed":                     {false, &expiration, before, 1, false, v1alpha1.FinishFailed},
		"Signalled":                  {false, &expiration, before, 137, false, v1alpha1.FinishFailed},
		"OOM":                        {false, &expiration, before, 137, true, v1alpha1.FinishOOMKilled},
		"OOMOverDeleted":             {true, &expiration, before, 137, true, v1alpha1.FinishOOMKilled},
		"ChildOOMButCommandSucceeds": {false, &expiration, before, 0, true, v1alpha1.FinishCompleted},
		"Deleted":                    {true, &expiration, before, 143, false, v1alpha1.FinishDeleted},
		"DeletedWithExitZero":        {true, &expiration, before, 0, false, v1alpha1.FinishDeleted},
		"NoExpiration":               {false, nil, after, 3, false, v1alpha1.FinishFailed},
	} {
		t.Run(name, func(t *testing.T) {
			if got := FinishReasonOf(tc.deleted, tc.expiration, tc.finishedAt, tc.exitCode, tc.oomKilled); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

func TestDeletedBefore(t *testing.T) {
	exit := time.Unix(1700000000, 500)
	for name, tc := range map[string]struct {
		deletion *time.Time
		want     bool
	}{
		"Never":      {nil, false},
		"Earlier":    {ptr.To(exit.Add(-time.Minute)), true},
		"SameSecond": {ptr.To(exit.Add(400)), true},
		"Later":      {ptr.To(exit.Add(time.Second)), false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := DeletedBefore(tc.deletion, exit); got != tc.want {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}
