package fake

import (
	"context"
	"fmt"
	"slices"

	"github.com/containerlease/containerlease/reconciler/driver"
)

// stray is a network or volume.
type stray struct {
	driver.Stray
	owned bool
}

// ListStrays returns what AddStray added, if it is owned.
func (e *Engine) ListStrays(ctx context.Context) ([]driver.Stray, error) {
	return call(ctx, e, OpListStrays, "", func() ([]driver.Stray, error) {
		var strays []driver.Stray
		for _, s := range e.strays {
			if s.owned {
				strays = append(strays, s.Stray)
			}
		}
		return strays, nil
	})
}

// RemoveStray removes a network or volume.
func (e *Engine) RemoveStray(ctx context.Context, wanted driver.Stray) error {
	_, err := call(ctx, e, OpRemoveStray, wanted.ID, func() (struct{}, error) {
		if wanted.Kind != "network" && wanted.Kind != "volume" {
			return struct{}{}, fmt.Errorf("%w: unknown kind of stray %q", driver.ErrInvalid, wanted.Kind)
		}
		i := slices.IndexFunc(e.strays, func(s stray) bool { return s.Kind == wanted.Kind && s.ID == wanted.ID })
		if i < 0 {
			return struct{}{}, nil
		}
		if !e.strays[i].owned || e.strays[i].Owner != wanted.Owner {
			return struct{}{}, fmt.Errorf("%w: %s %s is not the stray that was listed", driver.ErrConflict, wanted.Kind, wanted.ID)
		}
		e.strays = slices.Delete(e.strays, i, i+1)
		return struct{}{}, nil
	})
	return err
}
