package complete

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/cmd/leasectl/internal/stubapi"
)

func stocked(t *testing.T) *stubapi.Server {
	server := stubapi.New(t)
	for _, name := range []string{"demo", "dev", "web"} {
		server.Put(t, stubapi.Leases, &v1alpha1.ContainerLease{
			ObjectMeta: metav1.ObjectMeta{Namespace: stubapi.Namespace, Name: name},
			Spec:       v1alpha1.ContainerLeaseSpec{Image: "alpine"},
			Status:     v1alpha1.ContainerLeaseStatus{Phase: v1alpha1.LeaseRunning},
		})
	}
	for _, uid := range []string{"uid-1", "uid-2"} {
		server.Put(t, stubapi.Records, &v1alpha1.BillingRecord{
			ObjectMeta: metav1.ObjectMeta{Namespace: stubapi.Namespace, Name: uid},
			Spec:       v1alpha1.BillingRecordSpec{Lease: v1alpha1.LeaseReference{Name: "demo"}},
		})
	}
	server.Put(t, stubapi.Classes, &v1alpha1.LeaseClass{
		ObjectMeta: metav1.ObjectMeta{Name: "standard", Annotations: map[string]string{v1alpha1.DefaultClassAnnotation: "true"}},
		Spec: v1alpha1.LeaseClassSpec{
			TTL:    v1alpha1.DurationRange{Max: "2h"},
			Images: v1alpha1.ImagePolicy{Catalog: []v1alpha1.CatalogImage{{Name: "ubuntu", Reference: "ubuntu:22.04"}, {Name: "alpine", Reference: "alpine:3.22"}}},
		},
	})
	server.Put(t, stubapi.Classes, &v1alpha1.LeaseClass{
		ObjectMeta: metav1.ObjectMeta{Name: "big"},
		Spec: v1alpha1.LeaseClassSpec{
			TTL:    v1alpha1.DurationRange{Max: "8h"},
			Images: v1alpha1.ImagePolicy{Catalog: []v1alpha1.CatalogImage{{Name: "cuda", Reference: "cuda:12"}}},
		},
	})
	return server
}

func TestCompletion(t *testing.T) {
	tests := map[string]struct {
		words func(genericclioptions.RESTClientGetter) cobra.CompletionFunc
		class string
		args  []string
		typed string
		want  []string
	}{
		"Leases":          {Leases, "", nil, "", []string{"demo\tRunning alpine", "dev\tRunning alpine", "web\tRunning alpine"}},
		"LeasesTyped":     {Leases, "", nil, "de", []string{"demo\tRunning alpine", "dev\tRunning alpine"}},
		"LeasesGiven":     {Leases, "", []string{"demo"}, "d", []string{"dev\tRunning alpine"}},
		"OneLeaseGiven":   {Lease, "", []string{"demo"}, "d", nil},
		"Billed":          {Billed, "", nil, "d", []string{"demo\tended", "dev\tRunning alpine"}},
		"Classes":         {Classes, "", []string{"alpine"}, "", []string{"big\tup to 8h", "standard\tup to 2h"}},
		"ImagesOfDefault": {Images, "", nil, "", []string{"ubuntu\tubuntu:22.04", "alpine\talpine:3.22"}},
		"ImagesOfClass":   {Images, "big", nil, "", []string{"cuda\tcuda:12"}},
		"ImageGiven":      {Images, "", []string{"alpine"}, "", nil},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			cmd := &cobra.Command{}
			cmd.Flags().String("class", tc.class, "")
			got, _ := tc.words(stocked(t).Getter())(cmd, tc.args, tc.typed)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("words (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCompletionWithoutAServerIsSilent(t *testing.T) {
	nowhere := "http://127.0.0.1:1"
	flags := genericclioptions.NewConfigFlags(false)
	flags.APIServer = &nowhere
	words, directive := Leases(flags)(&cobra.Command{}, nil, "")
	if len(words) != 0 || directive != cobra.ShellCompDirectiveNoFileComp {
		t.Errorf("words, directive = %q, %v", words, directive)
	}
}
