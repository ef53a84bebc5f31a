// Openapi-prune drops from a file written by openapi-gen what no served type needs.
//
// openapi-gen works on whole packages, and k8s.io/api/core/v1 alone is a megabyte of
// definitions, of which an API server that serves namespaces and events uses a
// hundredth.
//
// Usage: openapi-prune -package corev1 -keep Namespace,Event file.go
//
// Every definition stays whose package isn't the named one, and of the named one those
// of -keep; so does all that they refer to.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strings"
)

func main() {
	pkg := flag.String("package", "", "import name of the package to prune")
	keep := flag.String("keep", "", "comma-separated types of that package to keep")
	flag.Parse()
	if err := run(flag.Arg(0), *pkg, strings.Split(*keep, ",")); err != nil {
		fmt.Fprintln(os.Stderr, "openapi-prune:", err)
		os.Exit(1)
	}
}

func run(path, pkg string, keep []string) error {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, path, nil, parser.ParseComments)
	if err != nil {
		return err
	}
	table, err := definitions(file)
	if err != nil {
		return err
	}
	needed := reachable(file, table, func(model string) bool {
		owner, name, _ := strings.Cut(model, ".")
		return owner != pkg || slices.Contains(keep, name)
	})
	table.literal.Elts = slices.DeleteFunc(table.literal.Elts, func(e ast.Expr) bool {
		model, _ := modelOf(e.(*ast.KeyValueExpr).Key)
		return !needed[model]
	})
	wanted := map[string]bool{table.name: true}
	for model := range needed {
		wanted[table.function[model]] = true
	}
	file.Decls = slices.DeleteFunc(file.Decls, func(d ast.Decl) bool {
		f, ok := d.(*ast.FuncDecl)
		return ok && !wanted[f.Name.Name]
	})
	dropUnusedImports(file)
	// Comments of what was dropped would be printed at random places; what stays has none
	// but the header.
	header := file.Comments[:0]
	for _, c := range file.Comments {
		if c.End() < file.Package {
			header = append(header, c)
		}
	}
	file.Comments = header

	var out bytes.Buffer
	if err := format.Node(&out, fset, file); err != nil {
		return err
	}
	return os.WriteFile(path, out.Bytes(), 0o644)
}

// reachable returns the models that root is true for, and all that they refer to.
func reachable(file *ast.File, table table, root func(model string) bool) map[string]bool {
	functions := map[string]*ast.FuncDecl{}
	for _, decl := range file.Decls {
		if f, ok := decl.(*ast.FuncDecl); ok {
			functions[f.Name.Name] = f
		}
	}
	needed := map[string]bool{}
	var follow func(model string)
	follow = func(model string) {
		function, known := table.function[model]
		if needed[model] || !known {
			return
		}
		needed[model] = true
		ast.Inspect(functions[function], func(n ast.Node) bool {
			if model, ok := modelOf(n); ok {
				follow(model)
			}
			return true
		})
	}
	for model := range table.function {
		if root(model) {
			follow(model)
		}
	}
	return needed
}

// table is the map that GetOpenAPIDefinitions returns.
type table struct {
	name     string
	literal  *ast.CompositeLit
	function map[string]string // "corev1.Event" → the function that describes it
}

func definitions(file *ast.File) (table, error) {
	t := table{name: "GetOpenAPIDefinitions", function: map[string]string{}}
	for _, decl := range file.Decls {
		f, ok := decl.(*ast.FuncDecl)
		if !ok || f.Name.Name != t.name {
			continue
		}
		t.literal = f.Body.List[0].(*ast.ReturnStmt).Results[0].(*ast.CompositeLit)
		for _, e := range t.literal.Elts {
			entry := e.(*ast.KeyValueExpr)
			model, ok := modelOf(entry.Key)
			if !ok {
				return t, fmt.Errorf("unexpected key in %s", t.name)
			}
			t.function[model] = entry.Value.(*ast.CallExpr).Fun.(*ast.Ident).Name
		}
		return t, nil
	}
	return t, fmt.Errorf("no function %s", t.name)
}

// modelOf recognises corev1.Event{}.OpenAPIModelName().
func modelOf(n ast.Node) (string, bool) {
	call, ok := n.(*ast.CallExpr)
	if !ok {
		return "", false
	}
	method, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || method.Sel.Name != "OpenAPIModelName" {
		return "", false
	}
	literal, ok := method.X.(*ast.CompositeLit)
	if !ok {
		return "", false
	}
	name, ok := literal.Type.(*ast.SelectorExpr)
	if !ok {
		return "", false
	}
	return name.X.(*ast.Ident).Name + "." + name.Sel.Name, true
}

func dropUnusedImports(file *ast.File) {
	used := map[string]bool{}
	for _, decl := range file.Decls {
		if _, ok := decl.(*ast.FuncDecl); !ok {
			continue
		}
		ast.Inspect(decl, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				if x, ok := s.X.(*ast.Ident); ok {
					used[x.Name] = true
				}
			}
			return true
		})
	}
	for _, decl := range file.Decls {
		if imports, ok := decl.(*ast.GenDecl); ok && imports.Tok == token.IMPORT {
			imports.Specs = slices.DeleteFunc(imports.Specs, func(s ast.Spec) bool {
				spec := s.(*ast.ImportSpec)
				return spec.Name != nil && !used[spec.Name.Name]
			})
		}
	}
}
