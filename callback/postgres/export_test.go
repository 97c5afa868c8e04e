package postgres

// The statements of scripts, for a look at what they read.
const (
	DueStatement    = dueStatement
	StatusStatement = statusStatement
)

// EstimateStatement counts what an estimate rests on.
var EstimateStatement = estimateStatement

// OpenCallbackStatement looks for a callback by its number and skill.
var OpenCallbackStatement = loadDocument + openCallbackWhere

// FindStatement gives the statement by which a match finds its pair, for a look at its plan.
func FindStatement() string { return findStatement(1) }
