package postgres

// StatusStatement says how a queue stands.
const StatusStatement = statusStatement

// DueStatement looks for scripts that are due.
var DueStatement = dueStatement

// EstimateStatement counts what an estimate rests on.
var EstimateStatement = estimateStatement

// OpenCallbackStatement looks for a callback by its number and skill.
var OpenCallbackStatement = loadDocument + openCallbackWhere

// FindStatement gives the statement by which a match finds its pair, for a look at its plan.
func FindStatement() string { return findStatement(1) }
