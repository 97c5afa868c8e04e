// Package postgrestest gives tests a real Postgres with callbackd's schema: one private cluster a test
// binary, started when the first test asks for it, and a database of its own for each test, copied
// from a template. A [Proxy] stands between a test's program and its database, to break the connection
// at the moment that matters.
//
// A package that uses it has
//
//	func TestMain(m *testing.M) { os.Exit(postgrestest.Run(m)) }
package postgrestest
