package main

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/callbackd/callbackd/callback/postgres"
)

// member is one "member" of a queue in Asterisk's queues.conf.
type member struct {
	line  int
	queue string
	value string // as it stands there: interface, penalty, name, state interface, ...
}

// remark is what there is to say about a line of the file.
type remark struct {
	line int
	text string
}

// tell writes remarks in the order of their lines, each with its place in the file.
func tell(path string, remarks []remark) []string {
	slices.SortStableFunc(remarks, func(a, b remark) int { return a.line - b.line })
	lines := make([]string, len(remarks))
	for i, r := range remarks {
		lines[i] = fmt.Sprintf("%s:%d: %s", path, r.line, r.text)
	}
	return lines
}

// queuesFile is what is read of a queues.conf: the members, in order, and what was passed over.
type queuesFile struct {
	members []member
	passed  []remark
}

// section is one section of the file as it is read. A template lends its members to the sections that name it.
type section struct {
	name     string
	template bool
	members  []member
}

// readQueues reads the text of a queues.conf as Asterisk does, but for what other files bring into it.
func readQueues(text string) queuesFile {
	var file queuesFile
	sections := map[string]*section{}
	var order []*section
	var current *section
	comment := false
	number := 0
	for line := range strings.Lines(text) {
		number++
		line, comment = withoutComment(line, comment)
		switch {
		case line == "":
		case strings.HasPrefix(line, "#"):
			file.pass(number, "%s brings in another file, which is not read: import that one, too", strings.Fields(line)[0])
		case strings.HasPrefix(line, "["):
			if current = openSection(line, sections); current == nil {
				file.pass(number, "%q is no section, as in [support]", line)
			} else if !slices.Contains(order, current) {
				order = append(order, current)
			}
		default:
			key, value, isSetting := cutSetting(line)
			switch {
			case !isSetting:
				file.pass(number, "%q is neither a section nor a setting", line)
			case key == "member" && current == nil:
				file.pass(number, "a member stands before the first section")
			case key == "member":
				current.members = append(current.members, member{number, current.name, value})
			}
		}
	}
	for _, s := range order {
		if !s.template {
			file.members = append(file.members, s.members...)
		}
	}
	return file
}

func (f *queuesFile) pass(line int, format string, args ...any) {
	f.passed = append(f.passed, remark{line, fmt.Sprintf(format, args...)})
}

// withoutComment takes off what follows a semicolon, and what stands between ;-- and --;. inside says
// whether such a comment goes on.
func withoutComment(line string, inside bool) (rest string, stillInside bool) {
	var kept strings.Builder
	for i := 0; i < len(line); i++ {
		switch tail := line[i:]; {
		case inside && strings.HasPrefix(tail, "--;"):
			inside = false
			i += len("--;") - 1
		case inside:
		case strings.HasPrefix(tail, `\;`):
			kept.WriteByte(';')
			i++
		case strings.HasPrefix(tail, ";--") && !strings.HasPrefix(tail, ";---"):
			inside = true
			i += len(";--") - 1
		case tail[0] == ';':
			return strings.TrimSpace(kept.String()), false
		default:
			kept.WriteByte(line[i])
		}
	}
	return strings.TrimSpace(kept.String()), inside
}

// openSection gives the section that a line [NAME] or [NAME](OPTION,...) begins, or goes on with; nil where
// it is none.
func openSection(line string, sections map[string]*section) *section {
	name, rest, closed := strings.Cut(line[1:], "]")
	if !closed || name == "" {
		return nil
	}
	opened := &section{name: name}
	options := strings.Trim(strings.TrimSpace(rest), "()")
	for option := range strings.SplitSeq(options, ",") {
		switch option = strings.TrimSpace(option); {
		case option == "!":
			opened.template = true
		case option == "+" && sections[name] != nil:
			return sections[name]
		case sections[option] != nil:
			for _, lent := range sections[option].members {
				lent.queue = name
				opened.members = append(opened.members, lent)
			}
		}
	}
	sections[name] = opened
	return opened
}

// cutSetting reads KEY = VALUE or KEY => VALUE.
func cutSetting(line string) (key, value string, ok bool) {
	key, value, ok = strings.Cut(line, "=")
	return strings.ToLower(strings.TrimSpace(key)), strings.TrimSpace(strings.TrimPrefix(value, ">")), ok
}

// memberImport makes agents of members.
type memberImport struct {
	skillOf func(queue string) (skill string, err error) // "": the queue is left out
	agents  map[string]*postgres.Agent
	wrong   []remark // what has to be put right first
	passed  []remark // what was passed over
}

// add makes an agent of a member, or adds the skill to the one that is there.
func (m *memberImport) add(from member) {
	skill, err := m.skillOf(from.queue)
	if err != nil {
		m.wrong = append(m.wrong, remark{from.line, err.Error()})
		return
	}
	if skill == "" {
		return
	}
	fields := strings.Split(from.value, ",")
	for i := range fields {
		fields[i] = strings.Trim(strings.TrimSpace(fields[i]), `"`)
	}
	fields = append(fields, "", "", "")
	proficiency, err := proficiencyOf(fields[1])
	if err != nil {
		m.wrong = append(m.wrong, remark{from.line, err.Error()})
		return
	}
	extension, refusal := extensionOf(fields[0], fields[3])
	if refusal != "" {
		m.passed = append(m.passed, remark{from.line, fields[0] + " is not taken: " + refusal})
		return
	}
	agent := m.agents[extension]
	if agent == nil {
		agent = &postgres.Agent{Extension: extension, Endpoint: fields[0]}
		m.agents[extension] = agent
	}
	if agent.Endpoint != fields[0] {
		m.wrong = append(m.wrong, remark{from.line, fmt.Sprintf("extension %s has the endpoint %s before this, and %s here", extension, agent.Endpoint, fields[0])})
		return
	}
	if agent.Name == "" && fields[2] != fields[0] {
		agent.Name = fields[2]
	}
	agent.Skills = withSkill(agent.Skills, postgres.AgentSkill{Skill: skill, Proficiency: proficiency})
}

// withSkill adds a skill, or keeps the better of two proficiencies where two queues have become one skill.
func withSkill(skills []postgres.AgentSkill, added postgres.AgentSkill) []postgres.AgentSkill {
	for i := range skills {
		if skills[i].Skill == added.Skill {
			skills[i].Proficiency = min(skills[i].Proficiency, added.Proficiency)
			return skills
		}
	}
	return append(skills, added)
}

// sorted gives the agents in the order of their extensions, and the skills of each as the list has them.
func (m *memberImport) sorted() []postgres.Agent {
	agents := make([]postgres.Agent, 0, len(m.agents))
	for _, agent := range m.agents {
		slices.SortFunc(agent.Skills, func(a, b postgres.AgentSkill) int {
			return cmp.Or(a.Proficiency-b.Proficiency, strings.Compare(a.Skill, b.Skill))
		})
		agents = append(agents, *agent)
	}
	slices.SortFunc(agents, func(a, b postgres.Agent) int {
		return cmp.Or(len(a.Extension)-len(b.Extension), strings.Compare(a.Extension, b.Extension))
	})
	return agents
}

// lastProficiency is the one that is chosen last.
const lastProficiency = 20

// proficiencyOf makes a proficiency of a penalty: 0 is the best of both, and becomes 1, 1 becomes 2 and so
// on; what is 19 or more becomes 20.
func proficiencyOf(penalty string) (int, error) {
	if penalty == "" {
		return 1, nil
	}
	n, err := strconv.Atoi(penalty)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("the penalty %q is not a whole number of 0 or more", penalty)
	}
	return min(n, lastProficiency-1) + 1, nil
}

// extensionOf gives the extension of a member's interface, or says why there is none.
func extensionOf(phone, state string) (extension, refusal string) {
	technology, name, _ := strings.Cut(phone, "/")
	switch {
	case strings.Contains(phone, "${"):
		return "", "callbackd does not know what the variable stands for: use callbackd agent add"
	case technology == "Local":
		return "", "a Local channel goes through the dialplan, which may ring anything: add the phone behind it" + addHint(name)
	case technology == "SIP":
		return "", "callbackd rings PJSIP phones, and SIP/ is the old driver's: add it when it has moved" + addHint(name)
	case technology != "PJSIP" || name == "":
		return "", "callbackd rings PJSIP phones, as in PJSIP/1001"
	case checkExtension(name) == nil:
		return name, ""
	}
	hint, _, _ := strings.Cut(strings.TrimPrefix(state, "hint:"), "@")
	if checkExtension(hint) == nil {
		return hint, ""
	}
	return "", "its extension is not known, since the name has not only digits: callbackd agent add EXTENSION --skill SKILL --endpoint " + phone
}

// addHint shows the command for the extension with which the name of a channel begins, where it does.
func addHint(name string) string {
	extension, _, _ := strings.Cut(name, "@")
	if checkExtension(extension) != nil {
		return ""
	}
	return ", as in callbackd agent add " + extension + " --skill SKILL"
}
