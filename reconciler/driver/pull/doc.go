// Package pull fetches images in the background, so that whoever reconciles never waits for
// a registry: ask, and be told when to ask again.
//
// Nothing here decides anything that a restart would forget. A pull that got lost is
// started by the next one who asks, and the engine keeps the layers it has.
package pull
