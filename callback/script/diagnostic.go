package script

import (
	"errors"
	"fmt"
	"slices"
)

// Diagnostic is one mistake in a script, or one thing that its author should think about.
type Diagnostic struct {
	File    string
	Line    int  // from 1
	Column  int  // from 1, in characters
	Warning bool // the script is run all the same
	Message string
}

// String gives "file:line:column: message", with "warning: " before the message of a warning.
func (d Diagnostic) String() string {
	if d.Warning {
		return fmt.Sprintf("%s:%d:%d: warning: %s", d.File, d.Line, d.Column, d.Message)
	}
	return fmt.Sprintf("%s:%d:%d: %s", d.File, d.Line, d.Column, d.Message)
}

// Diagnostics are all that was found in a script, in the order of the file.
type Diagnostics []Diagnostic

// Err joins the mistakes, a line each. It is nil where there are only warnings.
func (ds Diagnostics) Err() error {
	var errs []error
	for _, d := range ds {
		if !d.Warning {
			errs = append(errs, errors.New(d.String()))
		}
	}
	return errors.Join(errs...)
}

// sort puts the diagnostics in the order of the file.
func (ds Diagnostics) sort() {
	slices.SortStableFunc(ds, func(a, b Diagnostic) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
}
