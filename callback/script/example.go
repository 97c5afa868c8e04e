package script

import (
	_ "embed"
	"slices"
)

//go:embed example.yaml
var example []byte

// Example gives the text of the script that ships with the product (C19).
func Example() []byte { return slices.Clone(example) }
