package script

import "slices"

// asking are the kinds of action that ask the world a question.
var asking = []string{"Getqueue", "EWT", "Queuecallback", "Querycallback", "Contacttakeover", "WebRequest"}

// Asks says whether an action asks the world a question, and gives the variables that the answer sets.
func (s *Script) Asks(action string) (sets []string, asks bool) {
	a, known := s.actions[action]
	if !known || !slices.Contains(asking, a.kind.name) {
		return nil, false
	}
	return a.sets(), true
}
