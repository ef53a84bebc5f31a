package containerlease

// logWriter begins the response with the first batch, and sends each batch at once.
type logWriter struct {
	stream
	format logFormat
	buffer []byte
}

// write writes a batch.
func (w *logWriter) write(batch LogBatch) error {
	w.buffer = w.format.append(w.buffer[:0], batch)
	return w.send(w.buffer)
}
