package driver

// Labels that hold the identity of an owned container, network or volume. All three
// are present on what is owned; a single one makes nothing owned.
const (
	// LabelNamespace holds Identity.Namespace.
	LabelNamespace = "containerlease.dev/namespace"
	// LabelName holds Identity.Name.
	LabelName = "containerlease.dev/name"
	// LabelUID holds Identity.UID.
	LabelUID = "containerlease.dev/uid"

	// LabelInstance holds which server made it, where several drive one engine. It is
	// no part of the identity: without it, or with another, it's owned all the same.
	LabelInstance = "containerlease.dev/instance"

	// LabelManaged, with the value "true", marks what a driver shares between all owners, such as
	// the network of isolated containers. It bears no identity, so it's never a stray.
	LabelManaged = "containerlease.dev/managed"
)

// Labels returns the labels that mark something as owned by id.
func (id Identity) Labels() map[string]string {
	return map[string]string{LabelNamespace: id.Namespace, LabelName: id.Name, LabelUID: id.UID}
}

// IdentityOf returns the identity that labels hold, and whether they hold all of it.
func IdentityOf(labels map[string]string) (Identity, bool) {
	id := Identity{
		Namespace: labels[LabelNamespace],
		Name:      labels[LabelName],
		UID:       labels[LabelUID],
	}
	return id, id.Namespace != "" && id.Name != "" && id.UID != ""
}

// ContainerName returns the name of the container of the owner with this UID. It derives
// from nothing else, so that making one twice is a name conflict instead of a second container.
func ContainerName(uid string) string { return "containerlease-" + uid }
