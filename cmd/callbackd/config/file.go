package config

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/setting"
)

// file is a configuration file as read: what it sets, with the place of each, and what is wrong in it.
type file struct {
	path     string
	values   map[string]any // string, or []string for a list
	lines    map[string]int // the line of each key, and of each setting of a skill
	skills   map[string]callback.Skill
	mistakes Mistakes
}

// parseFile reads a configuration file's text. It goes on after a mistake, to name all at once.
func parseFile(path string, source []byte) *file {
	f := &file{path: path, values: map[string]any{}, lines: map[string]int{}}
	tree, err := parser.ParseBytes(source, 0)
	if err != nil {
		f.syntaxMistake(err)
		return f
	}
	if len(tree.Docs) > 1 {
		f.mistake(tree.Docs[1].Start.Position.Line, "a second document begins here; want one")
		return f
	}
	if len(tree.Docs) == 0 || tree.Docs[0].Body == nil {
		return f
	}
	top, ok := tree.Docs[0].Body.(*ast.MappingNode)
	if !ok {
		f.mistake(lineOf(tree.Docs[0].Body), "want keys and their values, as in ari: {url: ...}")
		return f
	}
	f.readMapping("", top)
	return f
}

func (f *file) mistake(line int, format string, args ...any) {
	f.mistakes = append(f.mistakes, Mistake{fmt.Sprintf("%s:%d", f.path, line), fmt.Sprintf(format, args...)})
}

func (f *file) syntaxMistake(err error) {
	var syntax yaml.Error
	if errors.As(err, &syntax) && syntax.GetToken() != nil {
		f.mistake(syntax.GetToken().Position.Line, "%s", syntax.GetMessage())
		return
	}
	f.mistakes = append(f.mistakes, Mistake{f.path, err.Error()})
}

// readMapping reads the keys below prefix: "" at the top, "ari." inside ari.
func (f *file) readMapping(prefix string, mapping *ast.MappingNode) {
	for _, pair := range mapping.Values {
		line := pair.Key.GetToken().Position.Line
		name := prefix + pair.Key.GetToken().Value
		if name == "skills" {
			f.readSkills(line, pair.Value)
			continue
		}
		if key, found := keyNamed(name); found {
			f.readKey(key, line, pair.Value)
			continue
		}
		if isSection(name) {
			f.readSection(name, pair.Value)
			continue
		}
		f.mistake(line, "unknown key %s%s", name, suggest(name, fileNames(prefix)))
	}
}

func (f *file) readSection(name string, value ast.Node) {
	switch value := value.(type) {
	case *ast.MappingNode:
		f.readMapping(name+".", value)
	case *ast.NullNode:
	default:
		f.mistake(lineOf(value), "%s wants keys below it: %s", name, strings.Join(fileNames(name+"."), ", "))
	}
}

func (f *file) readKey(key Key, line int, value ast.Node) {
	f.lines[key.Name] = line
	if key.List {
		f.readList(key, value)
		return
	}
	text, ok := scalar(value)
	if !ok {
		f.mistake(line, "%s wants one value", key.Name)
		return
	}
	if text == "" {
		f.mistake(line, "%s has no value; leave the line out for the default", key.Name)
		return
	}
	f.values[key.Name] = f.resolve(key, text)
}

func (f *file) readList(key Key, value ast.Node) {
	list, ok := value.(*ast.SequenceNode)
	if !ok {
		f.mistake(lineOf(value), "%s wants a list, as in [a, b]", key.Name)
		return
	}
	var texts []string
	for _, entry := range list.Values {
		text, ok := scalar(entry)
		if !ok || text == "" {
			f.mistake(lineOf(entry), "%s wants a list of plain values", key.Name)
			continue
		}
		texts = append(texts, f.resolve(key, text))
	}
	f.values[key.Name] = texts
}

// nested gives the values as a tree of maps, as viper wants them.
func (f *file) nested() map[string]any {
	top := make(map[string]any)
	for name, value := range f.values {
		section, rest, found := strings.Cut(name, ".")
		if !found {
			top[name] = value
			continue
		}
		below, ok := top[section].(map[string]any)
		if !ok {
			below = make(map[string]any)
			top[section] = below
		}
		below[rest] = value
	}
	return top
}

// resolve makes a path that stands in the file relative to the file, so that it means the same from
// every folder.
func (f *file) resolve(key Key, value string) string {
	if !key.path || filepath.IsAbs(value) {
		return value
	}
	return filepath.Join(filepath.Dir(f.path), value)
}

func (f *file) readSkills(line int, value ast.Node) {
	mapping, ok := value.(*ast.MappingNode)
	if !ok || len(mapping.Values) == 0 {
		f.mistake(line, "skills wants names with their settings below, as in skills: {%s: {}}", DefaultSkillName)
		return
	}
	f.skills = make(map[string]callback.Skill)
	for _, pair := range mapping.Values {
		name := pair.Key.GetToken().Value
		if err := setting.CheckName(name); err != nil {
			f.mistake(lineOf(pair.Key), "%s", err)
			continue
		}
		f.skills[name] = f.readSkill(name, lineOf(pair.Key), pair.Value)
	}
}

func (f *file) readSkill(name string, line int, value ast.Node) callback.Skill {
	skill := callback.DefaultSkill
	skill.Name = name
	switch value := value.(type) {
	case *ast.NullNode:
	case *ast.MappingNode:
		for _, pair := range value.Values {
			f.readSetting(&skill, pair)
		}
	default:
		f.mistake(line, "skills.%s wants its settings below it: %s", name, strings.Join(setting.Names(), ", "))
	}
	if err := setting.Check(skill); err != nil {
		f.mistake(line, "skills.%s: %s", name, err)
	}
	return skill
}

func (f *file) readSetting(skill *callback.Skill, pair *ast.MappingValueNode) {
	line := lineOf(pair.Key)
	name := pair.Key.GetToken().Value
	path := "skills." + skill.Name + "." + name
	known, found := setting.Named(name)
	if !found {
		f.mistake(line, "unknown key %s%s", path, suggest(name, setting.Names()))
		return
	}
	f.lines[path] = line
	text, ok := scalar(pair.Value)
	if !ok || text == "" {
		f.mistake(line, "%s wants one value", path)
		return
	}
	if err := known.Set(skill, text); err != nil {
		f.mistake(line, "%s: %s", path, err)
	}
}

// scalar gives the text of a single value as written, "" for none; false for anything else.
func scalar(node ast.Node) (string, bool) {
	switch node := node.(type) {
	case *ast.StringNode:
		return node.Value, true
	case *ast.LiteralNode:
		return strings.TrimSuffix(node.Value.Value, "\n"), true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return node.GetToken().Value, true
	case *ast.NullNode:
		return "", true
	}
	return "", false
}

func lineOf(node ast.Node) int { return node.GetToken().Position.Line }

func keyNamed(name string) (Key, bool) {
	for _, key := range keys {
		if key.Name == name {
			return key, true
		}
	}
	return Key{}, false
}

// isSection says whether keys stand below that name.
func isSection(name string) bool { return len(fileNames(name+".")) > 0 }

// fileNames gives the names that may stand below prefix, with it: sections and keys.
func fileNames(prefix string) []string {
	var names []string
	if prefix == "" {
		names = append(names, "skills")
	}
	seen := make(map[string]bool)
	for _, key := range keys {
		rest, found := strings.CutPrefix(key.Name, prefix)
		if !found {
			continue
		}
		first, _, _ := strings.Cut(rest, ".")
		if name := prefix + first; !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	return names
}
