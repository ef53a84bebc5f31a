package redis

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/sets"
)

// TestSuiteIsComplete makes an upgrade of Kubernetes that brings new tests noticed: each function of the suite is run
// directly and through the watch cache, or the package's documentation says why not.
func TestSuiteIsComplete(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-f", "{{.Dir}}", "k8s.io/apiserver/pkg/storage/testing").Output()
	if err != nil {
		t.Fatalf("finding the suite: %v", err)
	}
	sources, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(out)), "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	suite := sets.New[string]()
	for _, source := range sources {
		if strings.HasSuffix(source, "_test.go") {
			continue
		}
		for _, declaration := range parseFile(t, source).Decls {
			function, ok := declaration.(*ast.FuncDecl)
			if ok && function.Recv == nil && strings.HasPrefix(function.Name.Name, "Run") && !strings.HasPrefix(function.Name.Name, "RunBenchmark") {
				suite.Insert(function.Name.Name)
			}
		}
	}
	if suite.Len() < 50 {
		t.Fatalf("only %d functions were found in the suite", suite.Len())
	}

	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	explained := sets.New(regexp.MustCompile(`\bRun\w+`).FindAllString(string(doc), -1)...)
	for _, file := range []string{"conformance_test.go", "cacher_conformance_test.go"} {
		called := callsToSuite(t, file)
		for _, name := range sets.List(suite.Difference(called).Difference(explained)) {
			t.Errorf("%s does not run %s, and doc.go does not say why", file, name)
		}
	}
	both := callsToSuite(t, "conformance_test.go").Intersection(callsToSuite(t, "cacher_conformance_test.go"))
	for _, name := range sets.List(explained.Intersection(both)) {
		t.Errorf("doc.go explains why %s is not run, but it is", name)
	}
	for _, name := range sets.List(explained.Difference(suite)) {
		if name != "RunBenchmark" {
			t.Errorf("doc.go mentions %s, which is not in the suite", name)
		}
	}
}

// callsToSuite finds which functions of the suite a test file calls.
func callsToSuite(t *testing.T, file string) sets.Set[string] {
	t.Helper()
	called := sets.New[string]()
	ast.Inspect(parseFile(t, file), func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			if selector, ok := call.Fun.(*ast.SelectorExpr); ok {
				if pkg, ok := selector.X.(*ast.Ident); ok && pkg.Name == "storagetesting" {
					called.Insert(selector.Sel.Name)
				}
			}
		}
		return true
	})
	return called
}

func parseFile(t *testing.T, path string) *ast.File {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return file
}
