package asteriskconf_test

import (
	"io/fs"
	"path"
	"regexp"
	"strings"
	"testing"

	asteriskconf "github.com/callbackd/callbackd/asterisk-conf"
)

func TestSitePutsValuesInPlaceOfTheSamples(t *testing.T) {
	got, err := asteriskconf.Site(asteriskconf.Values{
		"site-http":     {"bindaddr": "127.0.0.9"},
		"site-logfiles": {"full.log": "verbose(4)"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(got, "[site-http](!)\nbindaddr = 127.0.0.9\n") {
		t.Errorf("the new address does not stand right below [site-http](!):\n%s", got)
	}
	if strings.Contains(got, "bindaddr = 127.0.0.1\n") {
		t.Error("the sample's own address is still there")
	}
	if !strings.Contains(got, "bindport = 8088") {
		t.Error("a value that was not named did not keep the sample's")
	}
	if !strings.Contains(got, "[site-logfiles](!)\nfull.log = verbose(4)\n") {
		t.Error("a key that the sample has only as a comment was not added")
	}
}

func TestSiteRefusesASectionThatNoFileWouldRead(t *testing.T) {
	_, err := asteriskconf.Site(asteriskconf.Values{"site-htpp": {"bindaddr": "127.0.0.9"}})
	if err == nil || !strings.Contains(err.Error(), "[site-htpp](!)") {
		t.Errorf("got %v, want an error that names [site-htpp](!)", err)
	}
}

// Each template of site.conf is named by a real section of another file, and the
// other way: a value that an administrator sets is read, and only once written.
func TestEachTemplateOfSiteIsUsedAndEachUsedOneIsThere(t *testing.T) {
	defined := regexp.MustCompile(`(?m)^\[(site-[a-z0-9-]+)\]\(!\)`)
	used := regexp.MustCompile(`(?m)^\[[^\]]+\]\(([^)]*)\)`)

	files, err := fs.Glob(asteriskconf.Files, "*.conf")
	if err != nil {
		t.Fatal(err)
	}
	wanted := make(map[string]string)
	for _, file := range files {
		if file == "site.conf" {
			continue
		}
		for _, found := range used.FindAllStringSubmatch(read(t, file), -1) {
			for name := range strings.SplitSeq(found[1], ",") {
				if strings.HasPrefix(name, "site-") {
					wanted[name] = file
				}
			}
		}
	}
	there := make(map[string]bool)
	for _, found := range defined.FindAllStringSubmatch(read(t, "site.conf"), -1) {
		there[found[1]] = true
		if wanted[found[1]] == "" {
			t.Errorf("site.conf: no file uses [%s](!)", found[1])
		}
	}
	for name, file := range wanted {
		if !there[name] {
			t.Errorf("%s uses (%s), which site.conf does not have", file, name)
		}
	}
}

// A file that uses the site's values has to include them.
func TestEachFileThatUsesTheSitesValuesIncludesThem(t *testing.T) {
	files, err := fs.Glob(asteriskconf.Files, "*.conf")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text := read(t, file)
		uses := strings.Contains(text, "(site-") || strings.Contains(text, ",site-")
		includes := strings.Contains(text, "\n#include site.conf\n")
		if uses != includes {
			t.Errorf("%s: uses site values %v, includes site.conf %v", path.Base(file), uses, includes)
		}
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := asteriskconf.Files.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
