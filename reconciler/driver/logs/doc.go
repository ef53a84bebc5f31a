// Package logs lets any number of viewers follow the output of containers over one stream of the engine for each
// container. It knows containers by the UID of their owner, and nothing of leases.
//
// A Hub keeps a feed for each container that is followed. The feed reads the engine's stream into a bounded
// ring, and a viewer is no more than a position in it: a slow one delays nobody and costs no memory. Who wants
// older lines than the ring has reads them from the engine, a bounded read that ends as soon as the ring has what
// comes next.
//
// # Positions
//
// Everything rests on each line having one timestamp that is the same whenever and however it is read. The engine's own times
// are neither unique nor sorted: its two streams are written down apart, and the parts of a long line bear the time of the
// first. So a line's timestamp is the engine's, or one nanosecond after the line before it in the engine's
// order, whichever is later. A timestamp is thereby a position: to go on after it, or to join one reading to another, takes
// a comparison.
//
// A reading that begins in the middle of a log cannot know the line before its first, so it begins early and discards what
// is not settled (see window). That is exact as long as the engine's clock isn't set back by more than a second between two lines.
package logs
