// Package reports is in charge of what people read about the contacts that were: views in the
// database, which any reporting tool can query.
//
// A view reads ended records and facts, never the moving state, so yesterday's figures stay as they
// are. Two views show the same contacts from two sides, over the same contact ID (C10, C15):
//
//	report_contact   one row a contact: an inbound call, from its arrival to its outcome
//	report_billing   one row a call that was dialled to a contact: an outbound call, as a carrier bills it
//
// The files of views are run by "callbackd migrate" each time, after the migrations. A file replaces
// its view, so a column is only ever added, at the end.
package reports

import (
	"embed"
	"io/fs"
)

//go:embed views/*.sql
var files embed.FS

// Views gives the files of the views, NAME.sql each, for the migration of the database.
func Views() (fs.FS, error) { return fs.Sub(files, "views") }
