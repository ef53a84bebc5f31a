package logs

import (
	"strings"
	"testing"
)

func TestLevelOf(t *testing.T) {
	for _, tc := range []struct {
		name, line string
		want       level // "" if none is stated
	}{
		{"Empty", "", ""},
		{"Plain", "hello world", ""},
		{"Blank", " \t ", ""},

		{"Slog", `{"time":"2026-01-02T15:04:05Z","level":"WARN","msg":"x"}`, levelWarn},
		{"Zap", `{"level":"error","ts":1.5,"msg":"x"}`, levelError},
		{"Pino", `{"level":30,"time":1,"pid":7,"msg":"hi"}`, levelInfo},
		{"Bunyan", `{"name":"a","hostname":"h","pid":1,"level":50,"msg":"x","v":0}`, levelError},
		{"PinoTrace", `{"level":10}`, levelTrace},
		{"PinoFatal", `{"level":60}`, levelFatal},
		{"GELF", `{"version":"1.1","short_message":"x","level":3}`, levelError},
		{"Severity", `{"severity":"CRITICAL","message":"x"}`, levelFatal},
		{"Lvl", `{ "lvl" : "dbug" }`, levelDebug},
		{"ECS", `{"@timestamp":"t","log.level":"warn","message":"x"}`, levelWarn},
		{"JSONMessageFirst", `{"message":"an \"error\" in {braces} level","level":"info"}`, levelInfo},
		{"JSONNested", `{"req":{"level":"error"},"msg":"x"}`, ""},
		{"JSONNestedThenTop", `{"req":{"level":"error","a":[1,{"level":"fatal"}]},"level":"debug"}`, levelDebug},
		{"JSONLevelIsValue", `{"msg":"level","x":"error"}`, ""},
		{"JSONOtherWord", `{"level":"gold","msg":"ERROR"}`, ""},
		{"JSONCutOff", `{"level`, ""},
		{"JSONBackslash", `{"a":"\`, ""},
		{"JSONColoured", "\x1b[32m{\"level\":\"info\"}", levelInfo},

		{"Logfmt", `time="2026-01-02T15:04:05Z" level=warning msg="x"`, levelWarn},
		{"LogfmtLate", `ts=2026-01-02T15:04:05Z caller=main.go:12 component=query level=error msg=x`, levelError},
		{"LogfmtQuoted", `lvl="dbug" msg=hi`, levelDebug},
		{"LogfmtFirst", `level=info msg="level=error"`, levelInfo},
		{"LogfmtOtherKey", `loudlevel=error msg=x`, ""},
		{"LogfmtWithout", `a=b c=d`, ""},

		{"Klog", "I0102 15:04:05.678901       1 main.go:5] hi", levelInfo},
		{"KlogWarning", "W1231 23:59:59.000000 x] hi", levelWarn},
		{"KlogError", "E0102 15:04:05.678901 x] hi", levelError},
		{"KlogFatal", "F0102 15:04:05.678901 x] hi", levelFatal},
		{"NotKlog", "E0102 is a part number", ""},

		{"Syslog", "<3>kernel: oops", levelError},
		{"SyslogFacility", "<165>1 2026-01-02T15:04:05Z host app", levelInfo},
		{"SyslogTooLarge", "<999>x", ""},
		{"NotSyslog", "<b>bold</b>", ""},
		{"NetworkManager", "<warn>  [1641] device: x", levelWarn},

		{"Brackets", "[ERROR] x", levelError},
		{"BracketsSmall", "[error] x", levelError},
		{"Nginx", "2026/01/02 15:04:05 [warn] 7#0: *1 upstream", levelWarn},
		{"Apache", "[Fri Jan 02 15:04:05.123 2026] [core:error] [pid 7] AH1: x", levelError},
		{"MySQL", "2026-01-02T15:04:05.123456Z 0 [Warning] [MY-010068] [Server] x", levelWarn},
		{"Postgres", "2026-01-02 15:04:05.123 UTC [1] FATAL:  x", levelFatal},
		{"Python", "WARNING:root:x", levelWarn},
		{"PythonFormat", "2026-01-02 15:04:05,123 - root - ERROR - x", levelError},
		{"Uvicorn", "INFO:     127.0.0.1:5000 - GET /", levelInfo},
		{"Log4j", "2026-01-02 15:04:05 [main] DEBUG com.example.Main - x", levelDebug},
		{"Rust", "[2026-01-02T15:04:05Z INFO  crate] x", levelInfo},
		{"Tracing", "2026-01-02T15:04:05.123456Z  WARN crate: x", levelWarn},
		{"TracingColoured", "\x1b[2m2026-01-02T15:04:05.123456Z\x1b[0m \x1b[31mERROR\x1b[0m crate: x", levelError},
		{"Zerolog", "3:04PM ERR x error=y", levelError},
		{"Logrus", "WARN[0001] x", levelWarn},
		{"LogrusShort", "\x1b[31mERRO\x1b[0m[0001] x", levelError},
		{"Ruby", "E, [2026-01-02T15:04:05.1 #7] ERROR -- : x", levelError},
		{"DotNet", "fail: Microsoft.Hosting[0]", levelError},
		{"GoPanic", "panic: runtime error: index out of range", levelFatal},
		{"Git", "fatal: not a git repository", levelFatal},
		{"Node", "Error: Cannot find module", levelError},
		{"GoLog", "2026/01/02 15:04:05 error: x", levelError},
		{"SyslogText", "Jan  2 15:04:05 host app[7]: ERROR x", levelError},
		{"AtTheEnd", "ERROR", levelError},

		{"SmallInProse", "an error occurred", ""},
		{"SmallFirst", "error handling is on", ""},
		{"BracketedProse", "[error handling] on", ""},
		{"CapitalsDeepInProse", "the job has ended with an ERROR", ""},
		{"PartOfWord", "ERRORS found", ""},
		{"Constant", "NO_ERROR", ""},
		{"Umlaut", "ÜERROR", ""},
		{"FarAway", strings.Repeat(".", nearTheStart) + " ERROR", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			out, err := tc.want, tc.want
			if tc.want == "" {
				out, err = levelInfo, levelError
			}
			if got := levelOf([]byte(tc.line), false); got != out {
				t.Errorf("on stdout: %s, want %s", got, out)
			}
			if got := levelOf([]byte(tc.line), true); got != err {
				t.Errorf("on stderr: %s, want %s", got, err)
			}
		})
	}
}

func FuzzLevelOf(f *testing.F) {
	for _, line := range []string{
		`{"level":"warn"}`, `{"a":"\`, `level="`, "<19", "I0102 15", "\x1b[", "[error]", "E", "{\"level\":", "lvl=",
	} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		switch got := levelOf(line, true); got {
		case levelTrace, levelDebug, levelInfo, levelWarn, levelError, levelFatal:
		default:
			t.Errorf("level %q", got)
		}
	})
}

func BenchmarkLevelOf(b *testing.B) {
	for _, bc := range []struct{ name, line string }{
		{"Plain", "GET /index.html HTTP/1.1 200 512 in 3 ms for 10.0.0.1, and so on and on"},
		{"JSON", `{"time":"2026-01-02T15:04:05Z","level":"WARN","msg":"x"}`},
		{"Text", "2026-01-02 15:04:05,123 - root - ERROR - something happened"},
	} {
		b.Run(bc.name, func(b *testing.B) {
			line := []byte(bc.line)
			b.ReportAllocs()
			for b.Loop() {
				levelOf(line, false)
			}
		})
	}
}
