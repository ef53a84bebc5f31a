// Package reconciler is the engine the controllers run on. It knows no lease: nothing
// here imports the API's types or a controller.
//
//   - Outcome is what a step of a reconciliation ends with: an error, waiting, or done.
//   - SetCondition and PatchStatus write a status that was computed, in one patch, and
//     only if something changed.
//   - Stream turns the events of a container engine into hints for the controllers: it
//     reconnects for as long as it has to, and asks for a relist each time it connects,
//     so that no event has to be relied on.
//   - Gate caps what may go on at the same time without holding up a worker.
//   - NewManager runs all of it against an API.
package reconciler
