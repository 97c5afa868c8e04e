package queue_test

import (
	"flag"
	"os"
	"strconv"
	"testing"
)

// cases is how many worlds are played against the slow model, unless -rapid.checks says otherwise.
const cases = 100_000

func TestMain(m *testing.M) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "rapid.checks" })
	if !given {
		// rapid has no other way to say it for one package.
		if err := flag.Set("rapid.checks", strconv.Itoa(cases)); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}
