package logs

import "bytes"

// level is how much a line of output matters.
type level string

// The levels, from the least to the most. What other systems call notice is info; critical,
// alert, emergency and panic are fatal.
const (
	levelTrace level = "trace"
	levelDebug level = "debug"
	levelInfo  level = "info"
	levelWarn  level = "warn"
	levelError level = "error"
	levelFatal level = "fatal"
)

const (
	// lookAhead is how much of a line is read to find its level.
	lookAhead = 4 << 10
	// nearTheStart is how far from its beginning a text line may name its level.
	nearTheStart = 160
	// wordsBefore is how many words may stand in front of the level in a text line: a month,
	// a host, a program. After that it is prose, in which ERROR is a word like any other.
	wordsBefore = 3
	// longestLevel is the length of the longest word for a level, "information" and "emergency" among them.
	longestLevel = len("information")
)

// levelOf recognises the level that a line of output states for itself: a level field in
// JSON or logfmt, the head of klog or syslog, or a level's word where log lines have it.
// A line that states none is an error on standard error, else info.
//
// It reads no more than the first lookAhead bytes.
func levelOf(line []byte, stderr bool) level {
	if len(line) > lookAhead {
		line = line[:lookAhead]
	}
	line = trimStart(line)
	if found := stated(line); found != "" {
		return found
	}
	if stderr {
		return levelError
	}
	return levelInfo
}

// stated returns the level that a line states; "" if none.
func stated(line []byte) level {
	if len(line) == 0 {
		return ""
	}
	switch {
	case line[0] == '{':
		return jsonLevel(line)
	case line[0] == '<':
		if found := syslogLevel(line); found != "" {
			return found
		}
	case isKlog(line):
		return klogLevel(line[0])
	case isLogfmt(line):
		if found := logfmtLevel(line); found != "" {
			return found
		}
	}
	return textLevel(line[:min(len(line), nearTheStart)])
}

// trimStart removes blanks and a terminal's escape sequences.
func trimStart(line []byte) []byte {
	for len(line) > 0 {
		switch n := escapeLength(line); {
		case n > 0:
			line = line[n:]
		case line[0] == ' ' || line[0] == '\t' || line[0] == '\r':
			line = line[1:]
		default:
			return line
		}
	}
	return line
}

// escapeLength is the length of the control sequence, such as a colour, that b begins with; 0 if
// it begins with none.
func escapeLength(b []byte) int {
	if len(b) < 2 || b[0] != 0x1b || b[1] != '[' {
		return 0
	}
	for i, c := range b[2:] {
		if c >= '@' && c <= '~' {
			return i + 3
		}
	}
	return len(b)
}

// wordLevel is the level that a word stands for, in any case.
func wordLevel(word []byte) level {
	if len(word) < 3 || len(word) > longestLevel {
		return ""
	}
	var lower [longestLevel]byte
	for i, c := range word {
		lower[i] = c | 0x20
	}
	switch string(lower[:len(word)]) {
	case "trace", "trac", "trc", "verbose", "finest":
		return levelTrace
	case "debug", "debu", "dbg", "dbug", "fine":
		return levelDebug
	case "info", "inf", "information", "notice":
		return levelInfo
	case "warn", "wrn", "warning":
		return levelWarn
	case "error", "erro", "err", "severe", "fail":
		return levelError
	case "fatal", "fata", "ftl", "critical", "crit", "panic", "pani", "pnc", "alert", "emerg", "emergency":
		return levelFatal
	}
	return ""
}

// syslogLevel reads the priority that a syslog line begins with: <facility*8 + severity>.
func syslogLevel(line []byte) level {
	end := bytes.IndexByte(line[:min(len(line), 5)], '>')
	if end < 2 {
		return ""
	}
	priority := 0
	for _, c := range line[1:end] {
		if !isDigit(c) {
			return ""
		}
		priority = priority*10 + int(c-'0')
	}
	const most = 23*8 + 7
	if priority > most {
		return ""
	}
	return severityLevel(priority % 8)
}

// severityLevel is the level of a severity of syslog.
func severityLevel(severity int) level {
	switch severity {
	case 0, 1, 2:
		return levelFatal
	case 3:
		return levelError
	case 4:
		return levelWarn
	case 5, 6:
		return levelInfo
	default:
		return levelDebug
	}
}

// isKlog says whether a line has the head of klog and glog: I0102 15:04:05.
func isKlog(line []byte) bool {
	if len(line) < 8 || line[5] != ' ' || !isDigit(line[6]) || !isDigit(line[7]) || klogLevel(line[0]) == "" {
		return false
	}
	for _, c := range line[1:5] {
		if !isDigit(c) {
			return false
		}
	}
	return true
}

func klogLevel(c byte) level {
	switch c {
	case 'I':
		return levelInfo
	case 'W':
		return levelWarn
	case 'E':
		return levelError
	case 'F':
		return levelFatal
	}
	return ""
}

// isLogfmt says whether a line begins with a key and an equals sign.
func isLogfmt(line []byte) bool {
	for i, c := range line {
		if !isLetter(c) && c != '_' && c != '.' && c != '-' {
			return i > 0 && c == '='
		}
	}
	return false
}

// logfmtLevel returns the level of the first level field of a logfmt line.
func logfmtLevel(line []byte) level {
	for rest := line; ; {
		equals := bytes.IndexByte(rest, '=')
		if equals < 0 {
			return ""
		}
		key := rest[:equals]
		if i := bytes.LastIndexByte(key, ' '); i >= 0 {
			key = key[i+1:]
		}
		rest = rest[equals+1:]
		if isLevelKey(key) {
			return wordLevel(firstWord(bytes.TrimPrefix(rest, []byte{'"'})))
		}
	}
}

// isLevelKey says whether a field of this name holds a level.
func isLevelKey(key []byte) bool {
	switch string(key) {
	case "level", "lvl", "severity", "Level", "log.level", "loglevel", "log_level", "levelname", "@l":
		return true
	}
	return false
}

func firstWord(b []byte) []byte {
	n := 0
	for n < len(b) && isLetter(b[n]) {
		n++
	}
	return b[:n]
}

// textLevel finds a level's word in the beginning of a text line. It counts in capitals, in
// brackets of its own, or as the first word with a colon behind it.
func textLevel(line []byte) level {
	words := 0
	for i := 0; i < len(line); {
		if n := escapeLength(line[i:]); n > 0 {
			i += n
			continue
		}
		if !isWord(line[i]) {
			i++
			continue
		}
		w := wordAt(line, i)
		i = w.end
		if found := wordLevel(line[w.start:w.end]); found != "" && w.letters == w.end-w.start && w.isMeant(line, words == 0) {
			return found
		}
		// T and Z are parts of a time, too, and what has no letters is a part of one, or a number.
		if w.letters > 1 {
			if words++; words > wordsBefore {
				return ""
			}
		}
	}
	return ""
}

// word is a word of a line, from start to end.
type word struct {
	start, end int
	// letters is how many there are, without digits and the like; small says that one is no capital.
	letters int
	small   bool
}

// wordAt returns the word that begins at start.
func wordAt(line []byte, start int) word {
	w := word{start: start, end: start}
	for ; w.end < len(line) && isWord(line[w.end]); w.end++ {
		if isLetter(line[w.end]) {
			w.letters++
			w.small = w.small || line[w.end] >= 'a'
		}
	}
	return w
}

// isMeant says whether a level's word is there to tell the level.
func (w word) isMeant(line []byte, first bool) bool {
	var before, after byte
	if w.start > 0 {
		before = line[w.start-1]
	}
	if w.end < len(line) {
		after = line[w.end]
	}
	switch after {
	case ']':
		return !w.small || before == '[' || before == ':'
	case '>':
		return !w.small || before == '<'
	case ')':
		return !w.small || before == '('
	case ':':
		return !w.small || first
	}
	return !w.small
}

func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// isWord says whether c is part of a word: NO_ERROR and ERROR5 are no levels.
func isWord(c byte) bool { return isLetter(c) || isDigit(c) || c == '_' || c >= 0x80 }
