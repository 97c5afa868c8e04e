package postgres

// FindStatement gives the statement by which a match finds its pair, for a look at its plan.
func FindStatement() string { return findStatement }
