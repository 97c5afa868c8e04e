package postgres

// StatusStatement says how a queue stands.
const StatusStatement = statusStatement

// DueStatement looks for scripts that are due.
var DueStatement = dueStatement

// EstimateStatement counts what an estimate rests on.
var EstimateStatement = estimateStatement

// OpenCallbackStatement looks for a callback by its number and skill.
var OpenCallbackStatement = loadDocument + openCallbackWhere

// FindStatement looks for what can be brought together.
var FindStatement = findStatement

// Crowd says whether the next match takes it that other matchers take what it finds.
func Crowd(s *Store, crowded bool) {
	s.spare.Store(0)
	if crowded {
		s.spare.Store(spare)
	}
}
