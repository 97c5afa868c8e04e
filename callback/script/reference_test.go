package script

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"
	pages "text/template"

	"github.com/callbackd/callbackd/callback/script/condition"
)

func TestTheReferenceHasEveryKindPropertyBranchAndVariable(t *testing.T) {
	page := string(Reference())
	for _, k := range kinds {
		_, part, found := strings.Cut(page, "\n### "+k.name+"\n")
		part, _, _ = strings.Cut(part, "\n## ")
		part, _, _ = strings.Cut(part, "\n### ")
		if !found || !strings.Contains(part, k.doc) || !strings.Contains(part, strings.TrimSpace(k.example)) {
			t.Errorf("%s is not told of", k.name)
		}
		for _, p := range k.properties {
			if p.name != hasCaption.name && !strings.Contains(part, "| `"+p.name+"` |") {
				t.Errorf("%s of %s is not told of", p.name, k.name)
			}
		}
		for _, b := range k.branches {
			if !strings.Contains(part, "| `"+b.name+"` |") {
				t.Errorf("branch %s of %s is not told of", b.name, k.name)
			}
		}
	}
	for _, v := range variables {
		if !strings.Contains(page, "| `"+v.name+"` | "+v.doc+" |") {
			t.Errorf("{%s} is not told of", v.name)
		}
	}
}

func TestTheScriptsAndConditionsInTheReferenceAreRight(t *testing.T) {
	page := string(Reference())
	whole := 0
	for _, block := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(page, -1) {
		if !strings.HasPrefix(block[1], "type:") {
			continue
		}
		whole++
		if _, found := Parse("first.yaml", []byte(block[1])); len(found) > 0 {
			t.Errorf("%v", found)
		}
	}
	conditions := regexp.MustCompile("(?m)^\\| `\"(.+)\"` \\|").FindAllStringSubmatch(page, -1)
	for _, found := range conditions {
		if _, err := condition.Parse(found[1]); err != nil {
			t.Errorf("%s: %v", found[1], err)
		}
	}
	if whole == 0 || len(conditions) == 0 {
		t.Errorf("%d scripts and %d conditions", whole, len(conditions))
	}
}

func TestTheLinksOfTheReferenceLeadSomewhere(t *testing.T) {
	page := Reference()
	var anchors []string
	for _, found := range heading.FindAllSubmatch(page, -1) {
		name := anchor(string(found[2]))
		if slices.Contains(anchors, name) {
			t.Errorf("two headings are called #%s", name)
		}
		anchors = append(anchors, name)
	}
	for _, found := range regexp.MustCompile(`\]\(#([^)]+)\)`).FindAllSubmatch(page, -1) {
		if !slices.Contains(anchors, string(found[1])) {
			t.Errorf("nothing is called #%s", found[1])
		}
	}
}

func TestWhatIsSaidBesideTheTablesFitsThem(t *testing.T) {
	for _, name := range regexp.MustCompile(`\bC[0-9]+\b`).FindAll(Reference(), -1) {
		if meaning(facts, string(name)) == "" {
			t.Errorf("the reference cites %s and does not say what it is", name)
		}
	}
	for name, cited := range factsOf {
		if findKind(name) == nil || slices.ContainsFunc(cited, func(fact string) bool { return meaning(facts, fact) == "" }) {
			t.Errorf("facts of %s: %v", name, cited)
		}
	}
	for name := range usual {
		if k := findKind(name); k == nil || !slices.Contains(k.branches, takesDefault) {
			t.Errorf("Default of %s means something, and it has none", name)
		}
	}
	for _, k := range kinds {
		if _, own := ownBranches[k.name]; own != (k.named != nil) {
			t.Errorf("%s has branches of its own: %v; the schema and the reference say otherwise", k.name, k.named != nil)
		}
	}
	for _, page := range pages.Must(pages.New("reference").Parse(referenceText)).Templates() {
		if page.Name() != "reference" && findKind(page.Name()) == nil {
			t.Errorf("reference.tmpl tells of %s, which is no kind", page.Name())
		}
	}
	words := slices.Concat(rows(fileKeys), rows(eventWords), rows(itemWords))
	for _, w := range words {
		if w.Doc == "" || !bytes.Contains(Schema(), []byte(`"`+w.Name+`": {`)) {
			t.Errorf("%s is missing in the schema, or means nothing", w.Name)
		}
	}
	if len(eventWords) != len(eventStages) || len(itemWords) != len(promptItems) {
		t.Error("an event or an item of a prompt is not told of")
	}
}
