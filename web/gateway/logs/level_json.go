package logs

import "bytes"

// jsonLevel returns the level of the first level field, at the top, of a line that is a JSON
// object, or its beginning. It never fails: what is no JSON has no level.
func jsonLevel(line []byte) level {
	depth := 0
	for i := 0; i < len(line); i++ {
		switch line[i] {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case '"':
			end := stringEnd(line, i)
			if end < 0 {
				return ""
			}
			key := line[i+1 : end]
			i = end
			if depth != 1 || !isLevelKey(key) {
				continue
			}
			rest := trimBlanks(line[end+1:])
			if len(rest) == 0 || rest[0] != ':' {
				continue // a value
			}
			return valueLevel(trimBlanks(rest[1:]))
		}
	}
	return ""
}

// stringEnd is the index of the quote that ends the string that begins at start; -1 if none does.
func stringEnd(line []byte, start int) int {
	for i := start + 1; i < len(line); i++ {
		switch line[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return -1
}

func trimBlanks(b []byte) []byte { return bytes.TrimLeft(b, " \t") }

// valueLevel is the level that a JSON value stands for: a word, or a number as pino and bunyan (10
// to 60) or syslog and GELF (0 to 7) have it.
func valueLevel(value []byte) level {
	if len(value) == 0 {
		return ""
	}
	if value[0] == '"' {
		return wordLevel(firstWord(value[1:]))
	}
	number, digits := 0, 0
	for digits < len(value) && digits < 3 && isDigit(value[digits]) {
		number = number*10 + int(value[digits]-'0')
		digits++
	}
	switch {
	case digits == 0:
		return ""
	case number < 8:
		return severityLevel(number)
	case number < 20:
		return levelTrace
	case number < 30:
		return levelDebug
	case number < 40:
		return levelInfo
	case number < 50:
		return levelWarn
	case number < 60:
		return levelError
	default:
		return levelFatal
	}
}
