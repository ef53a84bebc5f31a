package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"

	"github.com/containerlease/containerlease/api/server/admission"
	"github.com/containerlease/containerlease/api/server/scheme"
	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/config/classes"
)

// installedAnnotation is on the system namespace once the class that comes with the
// server has been installed. Since then the class is the user's, also if it is gone.
const installedAnnotation = "containerlease.dev/classes-installed"

// firstStartRetry is how often what failed is tried again, for example while the store
// is away.
const firstStartRetry = 250 * time.Millisecond

// installer makes what the server needs, and what a new server starts with.
type installer struct {
	namespaces corev1client.NamespaceInterface
	ours       rest.Interface
	log        *slog.Logger
}

func newInstaller(config *rest.Config, log *slog.Logger) (*installer, error) {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	gv := v1alpha1.SchemeGroupVersion
	ours := rest.CopyConfig(config)
	ours.APIPath, ours.GroupVersion = "/apis", &gv
	ours.NegotiatedSerializer = scheme.Codecs.WithoutConversion()
	restClient, err := rest.RESTClientFor(ours)
	if err != nil {
		return nil, err
	}
	return &installer{client.CoreV1().Namespaces(), restClient, log}, nil
}

// run installs, and tries again until it has or ctx ends.
func (i *installer) run(ctx context.Context) {
	said := ""
	_ = wait.PollUntilContextCancel(ctx, firstStartRetry, true, func(ctx context.Context) (bool, error) {
		err := i.install(ctx)
		if err != nil && err.Error() != said && !errors.Is(err, context.Canceled) {
			said = err.Error()
			i.log.Warn("Installing what a new server starts with failed; trying again", "error", err)
		}
		return err == nil, nil
	})
}

func (i *installer) install(ctx context.Context) error {
	if _, err := i.namespace(ctx, metav1.NamespaceDefault); err != nil {
		return err
	}
	system, err := i.namespace(ctx, admission.SystemNamespace)
	if err != nil {
		return err
	}
	if system.Annotations[installedAnnotation] != "" {
		return nil
	}
	if err := i.class(ctx); err != nil {
		return err
	}
	patch := fmt.Sprintf(`{"metadata":{"annotations":{%q:"true"}}}`, installedAnnotation)
	if _, err := i.namespaces.Patch(ctx, system.Name, types.MergePatchType, []byte(patch), metav1.PatchOptions{}); err != nil {
		return fmt.Errorf("noting that the standard class is installed: %w", err)
	}
	return nil
}

// namespace returns a namespace, and makes it first if need be.
func (i *installer) namespace(ctx context.Context, name string) (*corev1.Namespace, error) {
	namespace, err := i.namespaces.Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		namespace, err = i.namespaces.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	}
	if err != nil {
		return nil, fmt.Errorf("making namespace %s: %w", name, err)
	}
	return namespace, nil
}

func (i *installer) class(ctx context.Context) error {
	class, err := runtime.Decode(scheme.Codecs.UniversalDecoder(v1alpha1.SchemeGroupVersion), classes.Standard)
	if err != nil {
		return fmt.Errorf("reading the standard class: %w", err)
	}
	err = i.ours.Post().Resource("leaseclasses").Body(class).Do(ctx).Error()
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("installing the standard class: %w", err)
	}
	return nil
}
