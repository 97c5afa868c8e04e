package postgres

// The statements whose plans are looked at from outside.
var (
	SkillsStatement = skillsStatement
	QueuedStatement = queuedStatement
)
