// Package connect finds the server that leasectl talks to and opens typed clients to
// it. It owns the search for the kubeconfig of a server on this machine and the words
// for "nothing answers"; it knows no verb.
package connect

import (
	"os"
	"path/filepath"

	"k8s.io/client-go/tools/clientcmd"
)

// kubeconfigName is the file that a server writes into its data directory.
const kubeconfigName = "kubeconfig"

// systemDataDir is where a server run by root keeps its data unless told otherwise.
const systemDataDir = "/var/lib/containerlease"

// Machine is what the search for a kubeconfig depends on.
type Machine struct {
	// Getenv is os.Getenv.
	Getenv func(string) string
	// UID is the user's, 0 for root.
	UID int
	// Home is the user's home directory; empty if there is none.
	Home string
}

// ThisMachine describes the process's own surroundings.
func ThisMachine() Machine {
	home, err := os.UserHomeDir()
	if err != nil {
		home = ""
	}
	return Machine{Getenv: os.Getenv, UID: os.Getuid(), Home: home}
}

// Candidates are the files in which a server on this machine may have left a
// kubeconfig for us, the best first. They need not exist. A data directory that the
// environment names is the only one looked at, as it is the only one the server uses.
func (m Machine) Candidates() []string {
	if dir := m.Getenv("CONTAINERLEASE_DATA_DIR"); dir != "" {
		return []string{filepath.Join(dir, kubeconfigName)}
	}
	system := filepath.Join(systemDataDir, kubeconfigName)
	if m.UID == 0 {
		return []string{system}
	}
	data := m.Getenv("XDG_DATA_HOME")
	if data == "" && m.Home != "" {
		data = filepath.Join(m.Home, ".local", "share")
	}
	if data == "" {
		return []string{system}
	}
	// A server of one's own comes before the one of the whole machine, whose kubeconfig
	// others can read only if its administrator allowed them to.
	return []string{filepath.Join(data, "containerlease", kubeconfigName), system}
}

// LocalKubeconfig returns the first candidate that can be read, or "".
func (m Machine) LocalKubeconfig() string {
	for _, path := range m.Candidates() {
		if readable(path) {
			return path
		}
	}
	return ""
}

// SearchPath is the value of KUBECONFIG that makes every kubeconfig loader in the
// process look where leasectl should: what the user set, else the local server's file
// followed by the user's own, else "" for the loaders' default. The two files are
// merged as kubectl merges them: the local server is the current context, and the
// user's other contexts can be named. --kubeconfig overrides it all, as ever.
func (m Machine) SearchPath() string {
	if explicit := m.Getenv(clientcmd.RecommendedConfigPathEnvVar); explicit != "" {
		return explicit
	}
	local := m.LocalKubeconfig()
	if local == "" || m.Home == "" {
		return local
	}
	own := filepath.Join(m.Home, clientcmd.RecommendedHomeDir, clientcmd.RecommendedFileName)
	return local + string(filepath.ListSeparator) + own
}

func readable(path string) bool {
	file, err := os.Open(path)
	if err != nil {
		return false
	}
	defer file.Close()
	info, err := file.Stat()
	return err == nil && info.Mode().IsRegular()
}
