// The API's own types by their short names. Whatever has a shape here was generated from the
// OpenAPI document that the server serves; nothing is written by hand.
import type { components as gateway } from "./gateway.gen";
import type { components as kubernetes } from "./kubernetes.gen";

type Kubernetes = kubernetes["schemas"];
type Gateway = gateway["schemas"];

export type ObjectMeta = Kubernetes["io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"];
export type Condition = Kubernetes["io.k8s.apimachinery.pkg.apis.meta.v1.Condition"];
export type Status = Kubernetes["io.k8s.apimachinery.pkg.apis.meta.v1.Status"];

export type ContainerLease = Kubernetes["dev.containerlease.v1alpha1.ContainerLease"];
export type ContainerLeaseSpec = Kubernetes["dev.containerlease.v1alpha1.ContainerLeaseSpec"];
export type LeaseClass = Kubernetes["dev.containerlease.v1alpha1.LeaseClass"];
export type BillingRecord = Kubernetes["dev.containerlease.v1alpha1.BillingRecord"];
export type LeaseStats = Kubernetes["dev.containerlease.v1alpha1.LeaseStats"];
export type UsageSegment = Kubernetes["dev.containerlease.v1alpha1.UsageSegment"];
export type Pricing = Kubernetes["dev.containerlease.v1alpha1.Pricing"];
export type Event = Kubernetes["io.k8s.api.events.v1.Event"];

export type Phase = NonNullable<NonNullable<ContainerLease["status"]>["phase"]>;

export type Session = Gateway["Session"];
export type Problem = Gateway["Problem"];
export type LogFrame = Gateway["LogFrame"];
export type SignInOptions = Gateway["SignInOptions"];

/** What every object of the API has. */
export interface KubernetesObject {
  metadata?: ObjectMeta;
}
