package registry

import (
	"context"
	"fmt"

	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metatable "k8s.io/apimachinery/pkg/api/meta/table"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// Column is a column of `kubectl get`.
type Column struct {
	Name, Description string
	// Wide columns are shown with -o wide.
	Wide bool
	// IsName marks the column with the object's name.
	IsName bool
}

// Table prints objects of type T as rows of columns.
type Table[T any] struct {
	// Columns head the table.
	Columns []Column
	// Cells returns the cells of an object, one a column: strings or numbers. It must not
	// change the object, which others read at the same time.
	Cells func(T) []any
}

// ConvertToTable implements rest.TableConvertor.
func (t Table[T]) ConvertToTable(_ context.Context, object, tableOptions runtime.Object) (*metav1.Table, error) {
	table := &metav1.Table{}
	if opts, ok := tableOptions.(*metav1.TableOptions); !ok || !opts.NoHeaders {
		table.ColumnDefinitions = t.definitions()
	}
	if list, err := apimeta.ListAccessor(object); err == nil {
		table.ResourceVersion = list.GetResourceVersion()
		table.Continue = list.GetContinue()
		table.RemainingItemCount = list.GetRemainingItemCount()
	} else if single, err := apimeta.CommonAccessor(object); err == nil {
		table.ResourceVersion = single.GetResourceVersion()
	}
	var err error
	table.Rows, err = metatable.MetaToTableRow(object, func(obj runtime.Object, _ metav1.Object, _, _ string) ([]any, error) {
		typed, ok := obj.(T)
		if !ok {
			return nil, fmt.Errorf("unexpected %T in a table", obj)
		}
		return t.Cells(typed), nil
	})
	return table, err
}

// QuantityText writes a quantity in a cell. It takes a copy: String remembers what it wrote in
// the quantity itself, and objects of a list are shared with the watch cache.
func QuantityText(q resource.Quantity) string { return q.String() }

func (t Table[T]) definitions() []metav1.TableColumnDefinition {
	definitions := make([]metav1.TableColumnDefinition, len(t.Columns))
	for i, column := range t.Columns {
		definition := metav1.TableColumnDefinition{Name: column.Name, Type: "string", Description: column.Description}
		if column.IsName {
			definition.Format = "name"
		}
		if column.Wide {
			definition.Priority = 1
		}
		definitions[i] = definition
	}
	return definitions
}

// Age is the time since an object was made, as kubectl writes it.
func Age(obj metav1.Object) string {
	created := obj.GetCreationTimestamp()
	return metatable.ConvertToHumanReadableDateType(created)
}
