package postgres

// The statements by which scripts ask how a queue stands, for a look at what they read.
const (
	StatusStatement   = statusStatement
	EstimateStatement = estimateStatement
)

// FindStatement gives the statement by which a match finds its pair, for a look at its plan.
func FindStatement() string { return findStatement }
