package reports_test

import (
	"os"
	"testing"

	"github.com/callbackd/callbackd/callback/postgres/postgrestest"
)

func TestMain(m *testing.M) { os.Exit(postgrestest.Run(m)) }
