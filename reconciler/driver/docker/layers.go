package docker

import (
	"github.com/docker/docker/pkg/jsonmessage"

	"github.com/containerlease/containerlease/reconciler/driver"
)

// layers adds up what the engine says about each layer of a pull.
type layers struct {
	byID map[string]*layer
}

type layer struct {
	done         bool
	bytes, total int64
}

func newLayers() *layers { return &layers{byID: map[string]*layer{}} }

// The words in which engines report a layer.
const (
	layerKnown       = "Pulling fs layer"
	layerWaiting     = "Waiting"
	layerDownloading = "Downloading"
	layerVerifying   = "Verifying Checksum"
	layerDownloaded  = "Download complete"
	layerExtracting  = "Extracting"
	layerDone        = "Pull complete"
	layerExists      = "Already exists"
)

// heard takes in one message. Messages about the pull as a whole bear an ID too (the tag), but
// none of a layer's words.
func (l *layers) heard(message jsonmessage.JSONMessage) {
	switch message.Status {
	case layerKnown, layerWaiting, layerDownloading, layerVerifying, layerDownloaded, layerExtracting, layerDone, layerExists:
	default:
		return
	}
	if message.ID == "" {
		return
	}
	current := l.byID[message.ID]
	if current == nil {
		current = &layer{}
		l.byID[message.ID] = current
	}
	switch message.Status {
	case layerDownloading:
		// Bytes are those downloaded; extraction counts the same ones again.
		if message.Progress != nil {
			current.bytes = max(current.bytes, message.Progress.Current)
			current.total = max(current.total, message.Progress.Total)
		}
	case layerDownloaded:
		current.bytes = current.total
	case layerDone, layerExists:
		current.done, current.bytes = true, current.total
	}
}

func (l *layers) progress() driver.PullProgress {
	p := driver.PullProgress{LayersTotal: len(l.byID)}
	for _, layer := range l.byID {
		if layer.done {
			p.LayersDone++
		}
		p.BytesDone += layer.bytes
		p.BytesTotal += layer.total
	}
	return p
}
