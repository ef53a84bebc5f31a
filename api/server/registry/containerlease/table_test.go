package containerlease

import (
	"encoding/json"
	"sync"
	"testing"

	clocktesting "k8s.io/utils/clock/testing"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

// The race detector is what fails this test: the objects of a list are the watch cache's
// own, so that two requests print the same ones at the same time.
func TestTableLeavesSharedObjectsAlone(t *testing.T) {
	lease := &v1alpha1.ContainerLease{}
	if err := json.Unmarshal([]byte(`{"metadata": {"name": "shared"}, "spec": {"resources": {"cpu": "0.5", "memory": "512Mi"}}}`), lease); err != nil {
		t.Fatal(err)
	}
	table := newTable(&clocktesting.FakePassiveClock{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			got, err := table.ConvertToTable(t.Context(), lease, nil)
			if err != nil {
				t.Error(err)
				return
			}
			if cells := got.Rows[0].Cells; cells[3] != "500m" || cells[4] != "512Mi" {
				t.Errorf("got a CPU of %v and a memory of %v", cells[3], cells[4])
			}
		})
	}
	readers.Wait()
}
