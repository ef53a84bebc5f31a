package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
)

// LogsSection compares ways to follow one container's log.
type LogsSection struct {
	// Lines and LineBytes describe a burst, and Paced how many lines are written one by one.
	Lines     int `json:"lines"`
	LineBytes int `json:"lineBytes"`
	Paced     int `json:"paced"`
	// Ways to follow the log; the first is the peer that the others are measured by.
	Ways      []LogsWay `json:"ways"`
	GoalRatio float64   `json:"goalRatio"`
}

// LogsWay is one way to follow a log.
type LogsWay struct {
	Name string `json:"name"`
	// LinesPerSecond of each burst, from its first line to its end; Median of them, and Ratio to the peer's.
	LinesPerSecond []float64 `json:"linesPerSecond"`
	Median         float64   `json:"median"`
	Ratio          float64   `json:"ratio"`
	// Lost lines, of all bursts.
	Lost int `json:"lost"`
	// Latency from the engine's own time of a line that is written by itself to its arrival, in milliseconds.
	LatencyMedian float64 `json:"latencyMedianMs"`
	LatencyP99    float64 `json:"latencyP99Ms"`
}

const (
	// logsGoal is how much of the peer's throughput is asked for.
	logsGoal = 0.8
	// burstLines are less than what the engine keeps in a file of a log: it passes over files for a reader that is more than
	// one behind, and that would count for nobody.
	burstLines = 30_000
	lineBytes  = 100
	pacedLines = 100
	// logsTimeout bounds one look at the log.
	logsTimeout = time.Minute
	// attach is how long to wait for those who don't tell when they have begun to follow. It takes the engine a while to
	// find the end of a log of many megabytes.
	attach = 2 * time.Second
)

// talker is what the container runs: at each SIGUSR1, lines one by one, then a burst.
var talker = fmt.Sprintf(`trap : USR1; while :; do sleep 3600 & wait $!; kill $!; awk 'BEGIN {
	pad = sprintf("%%%ds", ""); gsub(/ /, "x", pad)
	for (i = 0; i < %d; i++) { print "paced", i, pad; fflush(); system("sleep 0.01") }
	for (i = 0; i < %d; i++) print "burst", i, pad
	print "done"
}'; done`, lineBytes-12, pacedLines, burstLines)

// logSource is a way to follow a log.
type logSource struct {
	name string
	// follow opens the log of a lease's container from now on, a line of text for each line.
	follow func(ctx context.Context, lease, containerID string) (io.ReadCloser, error)
	// stamp returns the engine's time of a line.
	stamp func(line []byte) (time.Time, error)
}

// measureLogs follows a container that writes, in each way in turn.
func measureLogs(ctx context.Context, b *bench, report *Report) error {
	return withLessee(ctx, b, "logs", func(e *engine, s *server, l *lessee) error {
		return followInTurn(ctx, b, report, e, s, l)
	})
}

func followInTurn(ctx context.Context, b *bench, report *Report, e *engine, s *server, l *lessee) error {
	sources, err := logSources(ctx, b, s)
	if err != nil {
		return err
	}

	b.progress("logs: following a container, beside docker logs -f")
	// Each way has a container of its own: a log that was followed a moment ago may still be read by the server.
	containers := make([]string, len(sources))
	return withTalkers(ctx, l, containers, func(ctx context.Context) error {
		looks := make([][]logsLook, len(sources))
		start := time.Now()
		for round := range b.times(7, 1) {
			if round > 0 && time.Since(start) > partBudget {
				break
			}
			for n := range sources {
				i := n
				if round%2 == 1 {
					i = len(sources) - 1 - n
				}
				look, err := lookAtLogs(ctx, e, sources[i], talkerName(i), containers[i])
				if err != nil {
					return fmt.Errorf("%s: %w", sources[i].name, err)
				}
				looks[i] = append(looks[i], look)
			}
		}
		report.Logs = compareLogs(sources, looks)
		return nil
	})
}

func talkerName(i int) string { return fmt.Sprintf("bench-logs-%d", i) }

// withTalkers calls use while there is a lease of a talker for each element of containers, which becomes its container's ID.
func withTalkers(ctx context.Context, l *lessee, containers []string, use func(context.Context) error) error {
	i := slices.Index(containers, "")
	if i < 0 {
		return use(ctx)
	}
	lease := newBenchLease(talkerName(i))
	lease.Spec.Command = []string{"/bin/sh", "-c", talker}
	lease.Spec.Resources.CPU = new(resource.MustParse("1"))
	return l.take(ctx, lease, func(ctx context.Context, _ trace, containerID string) error {
		containers[i] = containerID
		return withTalkers(ctx, l, containers, use)
	})
}

// logsLook is what came of following the log for one turn of the talker.
type logsLook struct {
	lines     int
	took      time.Duration
	latencies []time.Duration
}

// lookAtLogs follows the log while the talker has its turn.
func lookAtLogs(ctx context.Context, e *engine, source logSource, lease, containerID string) (look logsLook, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, logsTimeout, errors.New("the log ended before the container was done"))
	defer cancel()
	stream, err := source.follow(ctx, lease, containerID)
	if err != nil {
		return look, err
	}
	defer stream.Close()
	select {
	case <-time.After(attach):
	case <-ctx.Done():
		return look, context.Cause(ctx)
	}
	if err := e.client.ContainerKill(ctx, containerID, "USR1"); err != nil {
		return look, fmt.Errorf("telling the container to talk: %w", err)
	}

	var first time.Time
	lines := bufio.NewScanner(stream)
	lines.Buffer(make([]byte, 64<<10), 1<<20)
	for lines.Scan() {
		line := lines.Bytes()
		switch {
		case bytes.Contains(line, []byte("burst ")):
			if look.lines == 0 {
				first = time.Now()
			}
			look.lines++
		case bytes.Contains(line, []byte("paced ")):
			at, err := source.stamp(line)
			if err != nil {
				return look, err
			}
			look.latencies = append(look.latencies, time.Since(at))
		case bytes.Contains(line, []byte("done")):
			look.took = time.Since(first)
			return look, nil
		}
	}
	return look, errors.Join(lines.Err(), context.Cause(ctx), errors.New("the log ended early"))
}

// compareLogs fills the section from the looks of each source.
func compareLogs(sources []logSource, looks [][]logsLook) *LogsSection {
	section := &LogsSection{Lines: burstLines, LineBytes: lineBytes, Paced: pacedLines, GoalRatio: logsGoal}
	for i, source := range sources {
		way := LogsWay{Name: source.name}
		var latencies []time.Duration
		for _, look := range looks[i] {
			way.LinesPerSecond = append(way.LinesPerSecond, perSecond(look.lines, look.took))
			way.Lost += burstLines - look.lines
			latencies = append(latencies, look.latencies...)
		}
		if rates := slices.Sorted(slices.Values(way.LinesPerSecond)); len(rates) > 0 {
			way.Median = (rates[(len(rates)-1)/2] + rates[len(rates)/2]) / 2
		}
		slices.Sort(latencies)
		way.LatencyMedian, way.LatencyP99 = millis(quantile(latencies, 0.5)), millis(quantile(latencies, 0.99))
		section.Ways = append(section.Ways, way)
		section.Ways[i].Ratio = ratio(way.Median, section.Ways[0].Median)
	}
	return section
}

func (s *LogsSection) print(w io.Writer) {
	fmt.Fprintf(w, "\nLOGS: following one container in turn: bursts of %d lines of %d bytes, and lines one by one.\n", s.Lines, s.LineBytes)
	fmt.Fprintln(w, "\tbursts\tlines/s (median)\tratio\tlost\tlatency median, ms\tp99")
	for _, way := range s.Ways {
		fmt.Fprintf(w, "%s\t%d\t%.0f\t%.2f\t%d\t%.2f\t%.2f\n", way.Name, len(way.LinesPerSecond), way.Median, way.Ratio, way.Lost, way.LatencyMedian, way.LatencyP99)
	}
	for _, way := range s.Ways[min(1, len(s.Ways)):] {
		verdict := "met"
		if way.Ratio < s.GoalRatio {
			verdict = "MISSED"
		}
		fmt.Fprintf(w, "%s reaches %.0f %% of the throughput of %s; the goal is at least %.0f %%: %s.\n", way.Name, way.Ratio*100, s.Ways[0].Name, s.GoalRatio*100, verdict)
	}
}
