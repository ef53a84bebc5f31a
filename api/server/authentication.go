package server

import (
	"fmt"

	"k8s.io/apiserver/pkg/apis/apiserver"
	"k8s.io/apiserver/pkg/authentication/authenticator"
	authgroup "k8s.io/apiserver/pkg/authentication/group"
	"k8s.io/apiserver/pkg/authentication/request/anonymous"
	"k8s.io/apiserver/pkg/authentication/request/union"
	"k8s.io/apiserver/pkg/authentication/request/x509"
	"k8s.io/apiserver/pkg/server/dynamiccertificates"
)

// publicPaths can be read by anybody: probes can't hold credentials.
var publicPaths = []string{"/healthz", "/livez", "/readyz", "/version"}

// newAuthenticator recognises client certificates of our authority: their common name
// is the user, their organizations are the groups. Everybody else is nobody, and only
// on publicPaths. The token of in-process clients is added by generic.Config.Complete.
func newAuthenticator(clientCA dynamiccertificates.CAContentProvider) authenticator.Request {
	conditions := make([]apiserver.AnonymousAuthCondition, len(publicPaths))
	for i, path := range publicPaths {
		conditions[i].Path = path
	}
	return union.New(
		authgroup.NewAuthenticatedGroupAdder(x509.NewDynamic(clientCA.VerifyOptions, x509.CommonNameUserConversion)),
		anonymous.NewAuthenticator(conditions),
	)
}

// clientCA reads the authority that client certificates are from. It follows changes
// of the file.
func clientCA(file string) (dynamiccertificates.CAContentProvider, error) {
	provider, err := dynamiccertificates.NewDynamicCAContentFromFile("client-ca", file)
	if err != nil {
		return nil, fmt.Errorf("reading the client certificate authority: %w", err)
	}
	return provider, nil
}
