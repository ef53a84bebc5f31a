package server

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apiserver/pkg/apis/apiserver"
	"k8s.io/apiserver/pkg/authentication/authenticator"
	authgroup "k8s.io/apiserver/pkg/authentication/group"
	"k8s.io/apiserver/pkg/authentication/request/anonymous"
	"k8s.io/apiserver/pkg/authentication/request/bearertoken"
	"k8s.io/apiserver/pkg/authentication/request/union"
	"k8s.io/apiserver/pkg/authentication/request/x509"
	tokenunion "k8s.io/apiserver/pkg/authentication/token/union"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/server/dynamiccertificates"
)

// publicPaths can be read by anybody: probes can't hold credentials.
var publicPaths = []string{"/healthz", "/livez", "/readyz", "/version"}

// newAuthenticator recognises client certificates of our authority: their common name
// is the user, their organizations are the groups. It recognises bearer tokens by tokens. Who
// brings nothing is nobody, and only on publicPaths; a wrong credential is refused even there.
// The token of in-process clients is added by generic.Config.Complete.
func newAuthenticator(clientCA dynamiccertificates.CAContentProvider, tokens authenticator.Token) authenticator.Request {
	conditions := make([]apiserver.AnonymousAuthCondition, len(publicPaths))
	for i, path := range publicPaths {
		conditions[i].Path = path
	}
	return union.NewFailOnError(
		union.New(
			authgroup.NewAuthenticatedGroupAdder(x509.NewDynamic(clientCA.VerifyOptions, x509.CommonNameUserConversion)),
			bearertoken.New(tokens),
		),
		anonymous.NewAuthenticator(conditions),
	)
}

// bearers recognises what any of several recognises, as ordinary users.
func bearers(recognisers []authenticator.Token) authenticator.Token {
	return ordinary{tokenunion.New(recognisers...)}
}

// systemPrefix begins the names of Kubernetes' own users and groups.
const systemPrefix = "system:"

// ordinary keeps those who come with a token from being somebody of the system, such as
// system:masters, whatever file or issuer says so: such users are refused, and such groups
// left out. What they are is system:authenticated.
type ordinary struct{ tokens authenticator.Token }

// AuthenticateToken implements authenticator.Token.
func (o ordinary) AuthenticateToken(ctx context.Context, token string) (*authenticator.Response, bool, error) {
	response, ok, err := o.tokens.AuthenticateToken(ctx, token)
	if err != nil || !ok {
		return nil, false, err
	}
	who := response.User
	switch name := who.GetName(); {
	case name == "":
		return nil, false, fmt.Errorf("the token names no user")
	case strings.HasPrefix(name, systemPrefix):
		return nil, false, fmt.Errorf("the token is of user %q: names that begin with %q are reserved", name, systemPrefix)
	}
	groups := slices.DeleteFunc(slices.Clone(who.GetGroups()), func(group string) bool {
		return strings.HasPrefix(group, systemPrefix)
	})
	return &authenticator.Response{Audiences: response.Audiences, User: &user.DefaultInfo{
		Name: who.GetName(), UID: who.GetUID(), Groups: append(groups, user.AllAuthenticated), Extra: who.GetExtra(),
	}}, true, nil
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
