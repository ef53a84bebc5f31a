package settings

import (
	"fmt"
	"io"
	"strings"
)

// portable is the default as documents show it, the same on whatever machine they are made.
func portable() Settings {
	s := Default()
	s.DataDir = "/var/lib/containerlease"
	return s
}

// WriteYAML writes a configuration file with every key, documented, at its default.
func WriteYAML(w io.Writer) error {
	var b strings.Builder
	b.WriteString("# Configuration of `containerlease serve`: every key, at its default.\n")
	b.WriteString("# Read from --config FILE, " + FileEnv + " or " + DefaultFile + ". Environment\n")
	b.WriteString("# variables override it, and flags override those.\n")
	for _, f := range define(portable()) {
		fmt.Fprintf(&b, "\n%s# --%s, %s\n", comment(f.Usage), f.Name, Env(f.Name))
		value := f.DefValue
		switch {
		case f.Value.Type() == "stringSlice":
		case value == "":
			value = `""`
		}
		fmt.Fprintf(&b, "%s: %s\n", Key(f.Name), value)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteEnv writes an example of an environment file with every variable, documented.
func WriteEnv(w io.Writer) error {
	var b strings.Builder
	b.WriteString("# Environment of `containerlease serve`. Copy to .env and take the # off what you change.\n")
	b.WriteString("\n# Configuration file to read.\n#" + FileEnv + "=" + DefaultFile + "\n")
	for _, a := range aliases {
		fmt.Fprintf(&b, "\n# %s.\n#%s=%s\n", strings.ToUpper(a.usage[:1])+a.usage[1:], a.env, a.example)
	}
	for _, f := range define(portable()) {
		fmt.Fprintf(&b, "\n%s#%s=%s\n", comment(f.Usage), Env(f.Name), strings.Trim(f.DefValue, "[]"))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteMarkdown writes a table of the settings.
func WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	b.WriteString("| key | flag | environment | default | meaning |\n| --- | --- | --- | --- | --- |\n")
	short := map[string]string{}
	for _, a := range aliases {
		short[a.flag] = ", `" + a.env + "`"
	}
	for _, f := range define(portable()) {
		value := strings.Trim(f.DefValue, "[]")
		if value != "" {
			value = "`" + value + "`"
		}
		fmt.Fprintf(&b, "| `%s` | `--%s` | `%s`%s | %s | %s |\n", Key(f.Name), f.Name, Env(f.Name), short[f.Name], value, f.Usage)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// comment wraps a text into lines of a comment.
func comment(usage string) string {
	var b strings.Builder
	line := "#"
	for _, word := range strings.Fields(usage) {
		if len(line)+1+len(word) > 90 {
			b.WriteString(line + "\n")
			line = "#"
		}
		line += " " + word
	}
	return b.String() + line + "\n"
}
