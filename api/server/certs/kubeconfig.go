package certs

import (
	"bytes"
	"fmt"
	"os"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// contextName is what cluster, context and user are called in the kubeconfig.
const contextName = "containerlease"

// WriteKubeconfig writes, for the administrator, how to reach the API at a URL. The file
// holds certificate and key, so that it can be copied elsewhere; only the owner can
// read it. It is replaced at once, and only if it would change.
func (d Directory) WriteKubeconfig(path, url string) error {
	authority, err := os.ReadFile(d.CAFile())
	if err != nil {
		return fmt.Errorf("reading the authority: %w", err)
	}
	certificate, err := os.ReadFile(d.file("admin.crt"))
	if err != nil {
		return fmt.Errorf("reading the administrator's certificate: %w", err)
	}
	key, err := os.ReadFile(d.file("admin.key"))
	if err != nil {
		return fmt.Errorf("reading the administrator's key: %w", err)
	}
	config := clientcmdapi.NewConfig()
	config.Clusters[contextName] = &clientcmdapi.Cluster{Server: url, CertificateAuthorityData: authority}
	config.AuthInfos[contextName] = &clientcmdapi.AuthInfo{ClientCertificateData: certificate, ClientKeyData: key}
	config.Contexts[contextName] = &clientcmdapi.Context{Cluster: contextName, AuthInfo: contextName, Namespace: "default"}
	config.CurrentContext = contextName
	data, err := clientcmd.Write(*config)
	if err != nil {
		return fmt.Errorf("encoding the kubeconfig: %w", err)
	}
	if existing, err := os.ReadFile(path); err == nil && bytes.Equal(existing, data) {
		return os.Chmod(path, 0o600)
	}
	return writeFile(path, data, 0o600)
}
