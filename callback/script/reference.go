package script

import (
	"bytes"
	_ "embed"
	"fmt"
	"regexp"
	"slices"
	"strings"
	pages "text/template" // a template is a property's text here
)

//go:embed reference.tmpl
var referenceText string

// Reference gives the reference of the language, in Markdown: what is written for people around the
// tables of kinds and variables.
func Reference() []byte {
	page := pages.Must(pages.New("reference").Parse(referenceText))
	var out bytes.Buffer
	if err := page.Execute(&out, newReference(page)); err != nil {
		panic("script: the reference: " + err.Error()) // it depends on nothing but this program's text
	}
	return bytes.Replace(out.Bytes(), []byte("CONTENTS\n"), contents(out.Bytes()), 1)
}

// reference is what reference.tmpl tells of.
type reference struct {
	Keys, Events, Items, Facts []row
	Own, Set                   []row
	Says                       string
	Groups                     []referenceGroup

	MaxFailures, MaxSourceKiB, MaxDepth, MaxText int
}

// row is one row of a table.
type row struct{ Name, Form, Default, Doc, By string }

type referenceGroup struct {
	Title string
	Kinds []referenceKind
}

type referenceKind struct {
	Name, Link, Gist, Doc, About, Example string
	Properties, Branches                  []row
	Sets, Facts                           string
}

func newReference(page *pages.Template) reference {
	r := reference{
		Keys: rows(fileKeys), Events: rows(eventWords), Items: rows(itemWords), Facts: rows(facts),
		Says:        saysDoc,
		MaxFailures: maxFailures, MaxSourceKiB: maxSource >> 10, MaxDepth: maxDepth, MaxText: maxText,
	}
	for _, v := range variables {
		if len(v.sets) == 0 {
			r.Own = append(r.Own, row{Name: v.name, Doc: v.doc})
			continue
		}
		r.Set = append(r.Set, row{Name: v.name, Doc: v.doc, By: listed(linksTo(v.sets))})
	}
	for _, g := range []struct {
		title string
		kinds []*kind
	}{
		{"Actions about the queue and the callback", queueKinds},
		{"Actions that speak and listen", voiceKinds},
		{"Actions that lead the script on", flowKinds},
		{"Actions that ask other programs", outsideKinds},
	} {
		group := referenceGroup{Title: g.title}
		for _, k := range g.kinds {
			group.Kinds = append(group.Kinds, k.reference(page))
		}
		r.Groups = append(r.Groups, group)
	}
	return r
}

func rows(words []word) []row {
	list := make([]row, len(words))
	for i, w := range words {
		list[i] = row{Name: w.name, Doc: inTable(w.doc)}
	}
	return list
}

// reference is the kind's own part.
func (k *kind) reference(page *pages.Template) referenceKind {
	gist, _, _ := strings.Cut(strings.TrimSuffix(k.doc, "."), ". ")
	r := referenceKind{
		Name:    k.name,
		Link:    "#" + anchor(k.name),
		Gist:    gist,
		Doc:     k.doc,
		Example: strings.TrimPrefix(k.example, "\n"),
		Sets:    listed(k.setsInWords()),
		Facts:   listed(factsOf[k.name]),
	}
	if about := page.Lookup(k.name); about != nil {
		var text bytes.Buffer
		if err := about.Execute(&text, nil); err != nil {
			panic("script: the reference of " + k.name + ": " + err.Error()) // as above
		}
		r.About = strings.TrimSpace(text.String())
	}
	for _, p := range k.properties {
		if p.name != hasCaption.name {
			r.Properties = append(r.Properties, row{Name: p.name, Form: inTable(p.inWords()), Default: p.defaultInWords(), Doc: inTable(p.doc)})
		}
	}
	if own, ok := ownBranches[k.name]; ok {
		r.Branches = append(r.Branches, row{Name: own.name, Doc: own.doc})
	}
	for _, b := range k.branches {
		r.Branches = append(r.Branches, row{Name: "`" + b.name + "`", Doc: k.meaning(b)})
	}
	return r
}

// setsInWords says which variables the kind sets.
func (k *kind) setsInWords() []string {
	var names []string
	for _, v := range variables {
		if slices.Contains(v.sets, k.name) {
			names = append(names, "`"+v.name+"`")
		}
	}
	for _, p := range k.properties {
		switch {
		case p.kind == setting:
			names = append(names, "the variable that `"+p.name+"` names")
		case p.keys == settings, p.keys == pathsOf:
			names = append(names, "the variables under `"+p.name+"`")
		}
	}
	return names
}

func (p property) defaultInWords() string {
	switch {
	case p.required:
		return "required"
	case p.fallback == "":
		return ""
	}
	return "`" + p.fallback + "`"
}

// inWords says what the property's values are.
func (p property) inWords() string {
	switch p.kind {
	case caption:
		return "a fixed phrase"
	case whole:
		switch {
		case p.min <= -unbounded:
			return "a whole number"
		case p.max == unbounded:
			return fmt.Sprintf("a whole number, %d or more", p.min)
		}
		return fmt.Sprintf("a whole number from %d to %d", p.min, p.max)
	case duration:
		return fmt.Sprintf("a time from %s to %s", inWords(p.min), inWords(p.max))
	case yesNo:
		return "`true` or `false`"
	case choice:
		return "`" + strings.Join(p.choices, "`, `") + "`"
	case sound:
		return "a sound without its extension"
	case prompt:
		return "a [prompt](#prompts)"
	case keys:
		return "keys 0 to 9, `*`, `#` and A to D"
	case key:
		return "one key of 0 to 9, `*`, `#` and A to D"
	case webURL:
		return "an `https://` or `http://` URL"
	case setting:
		return "the name of a variable, without braces"
	case when:
		return "a [condition](#conditions)"
	case entries:
		return p.keys.inWords()
	}
	return "a text"
}

func (k entryKey) inWords() string {
	switch k {
	case settings:
		return "variables, with a text for each"
	case pathsOf:
		return "variables, with a path for each"
	}
	return "names, with a text for each"
}

// unmarked takes the Markdown out of such words.
var unmarked = strings.NewReplacer("`", "")

// inTable keeps a text from ending its cell.
func inTable(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

func linksTo(kinds []string) []string {
	links := make([]string, len(kinds))
	for i, name := range kinds {
		links[i] = fmt.Sprintf("[%s](#%s)", name, anchor(name))
	}
	return links
}

var (
	heading   = regexp.MustCompile(`(?m)^(##|###) (.+)$`)
	notAnchor = regexp.MustCompile(`[^a-z0-9 -]`)
)

// anchor is what a heading is called in a link.
func anchor(heading string) string {
	return strings.ReplaceAll(notAnchor.ReplaceAllString(strings.ToLower(heading), ""), " ", "-")
}

// contents lists the page's headings.
func contents(page []byte) []byte {
	var list bytes.Buffer
	for _, found := range heading.FindAllSubmatch(page, -1) {
		if string(found[1]) == "###" {
			list.WriteString("  ")
		}
		fmt.Fprintf(&list, "- [%s](#%s)\n", found[2], anchor(string(found[2])))
	}
	return list.Bytes()
}
