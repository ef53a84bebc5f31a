package docker

// SetIsolatedNetwork gives a driver a network of its own, so that a test can break it.
func (d *Driver) SetIsolatedNetwork(name string) { d.isolatedNetwork = name }
