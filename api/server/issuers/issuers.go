// Package issuers recognises the ID tokens of OpenID Connect issuers, as an
// AuthenticationConfiguration of Kubernetes describes them. Verifying is the library's; here
// is what reads the file, and what this server adds to its rules.
package issuers

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/apiserver/pkg/apis/apiserver"
	"k8s.io/apiserver/pkg/apis/apiserver/install"
	"k8s.io/apiserver/pkg/apis/apiserver/validation"
	"k8s.io/apiserver/pkg/authentication/authenticator"
	authenticationcel "k8s.io/apiserver/pkg/authentication/cel"
	"k8s.io/apiserver/pkg/authentication/token/union"
	"k8s.io/apiserver/pkg/cel/environment"
	"k8s.io/apiserver/pkg/server/dynamiccertificates"
	"k8s.io/apiserver/plugin/pkg/authenticator/token/oidc"
	baseversion "k8s.io/component-base/version"
)

// Config is a file that has been read, and found good.
type Config struct {
	file     string
	jwt      []apiserver.JWTAuthenticator
	compiler authenticationcel.Compiler
}

// Load reads an AuthenticationConfiguration, in YAML or JSON, of any version that the
// library knows. It asks no issuer. The error names the file and each field that is wrong.
func Load(file string) (*Config, error) {
	config, err := load(file)
	if err != nil {
		return nil, fmt.Errorf("authentication configuration %s: %w", file, err)
	}
	return config, nil
}

func load(file string) (*Config, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	decoded, err := decode(data)
	if err != nil {
		return nil, err
	}
	// By default the library lets expressions use what was there at the version that is linked into the
	// program, which is ours and means nothing to it.
	release, err := version.Parse(baseversion.DefaultKubeBinaryVersion)
	if err != nil {
		return nil, err
	}
	compiler := authenticationcel.NewCompiler(environment.MustBaseEnvSet(release))
	problems := validation.ValidateAuthenticationConfiguration(compiler, decoded, nil)
	problems = append(problems, validate(decoded)...)
	if err := problems.ToAggregate(); err != nil {
		return nil, err
	}
	return &Config{file: file, jwt: decoded.JWT, compiler: compiler}, nil
}

// decode refuses fields that there are not: a rule that is misspelt would let everybody in.
func decode(data []byte) (*apiserver.AuthenticationConfiguration, error) {
	types := runtime.NewScheme()
	install.Install(types)
	codecs := serializer.NewCodecFactory(types, serializer.EnableStrict)
	object, err := runtime.Decode(codecs.UniversalDecoder(apiserver.SchemeGroupVersion), data)
	if err != nil {
		return nil, err
	}
	config, ok := object.(*apiserver.AuthenticationConfiguration)
	if !ok {
		return nil, errors.New("kind: must be AuthenticationConfiguration")
	}
	return config, nil
}

// validate refuses what Kubernetes' server has and this one has not.
func validate(config *apiserver.AuthenticationConfiguration) field.ErrorList {
	var problems field.ErrorList
	if config.Anonymous != nil {
		problems = append(problems, field.Forbidden(field.NewPath("anonymous"),
			"nobody comes in here without a credential, but for health and version; leave it out"))
	}
	for i, jwt := range config.JWT {
		if jwt.Issuer.EgressSelectorType != "" {
			problems = append(problems, field.Forbidden(field.NewPath("jwt").Index(i).Child("issuer", "egressSelectorType"),
				"this server has no egress selector; leave it out"))
		}
	}
	return problems
}

// New returns what recognises the tokens of the issuers; those of others it has no opinion
// on. It doesn't wait for an issuer: what is not reachable is tried again every ten seconds
// until ctx ends, and its tokens are refused until then. After ctx the result must not be used.
func (c *Config) New(ctx context.Context) (authenticator.Token, error) {
	recognisers := make([]authenticator.Token, 0, len(c.jwt))
	for i, jwt := range c.jwt {
		options := oidc.Options{
			JWTAuthenticator:     jwt,
			Compiler:             c.compiler,
			SupportedSigningAlgs: oidc.AllValidSigningAlgorithms(),
		}
		if pem := jwt.Issuer.CertificateAuthority; pem != "" {
			authority, err := dynamiccertificates.NewStaticCAContent("issuer", []byte(pem))
			if err != nil {
				return nil, fmt.Errorf("authentication configuration %s: jwt[%d].issuer.certificateAuthority: %w", c.file, i, err)
			}
			options.CAContentProvider = authority
		}
		recogniser, err := oidc.New(ctx, options)
		if err != nil {
			return nil, fmt.Errorf("authentication configuration %s: jwt[%d]: %w", c.file, i, err)
		}
		recognisers = append(recognisers, recogniser)
	}
	return union.New(recognisers...), nil
}

// Expiry reads when an ID token ends, without verifying it: ask New's result first. It is
// zero if the token does not say.
func Expiry(token string) time.Time {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return time.Time{}
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return time.Time{}
	}
	var claims struct {
		Expiry float64 `json:"exp"`
	}
	if err := json.Unmarshal(payload, &claims); err != nil || claims.Expiry <= 0 {
		return time.Time{}
	}
	return time.Unix(int64(claims.Expiry), 0)
}
