package main

import (
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/callbackd/callbackd/cmd/callbackd/config"
)

// root is the repository's root, seen from this package.
const root = "../.."

type composeFile struct {
	Services map[string]composeService
	Volumes  map[string]any
}

type composeService struct {
	Build       struct{ Context, Dockerfile string }
	Image       string
	Command     []string
	NetworkMode string `yaml:"network_mode"`
	Environment map[string]string
	Ports       []string
	Volumes     []string
	Healthcheck struct{ Test []string }
	DependsOn   map[string]any `yaml:"depends_on"`
}

func readCompose(t *testing.T) composeFile {
	t.Helper()
	var compose composeFile
	if err := yaml.Unmarshal([]byte(readRoot(t, "docker-compose.yml")), &compose); err != nil {
		t.Fatal(err)
	}
	if len(compose.Services) != 4 {
		t.Fatalf("the compose file has %d services, want postgres, asterisk, migrate and callbackd", len(compose.Services))
	}
	return compose
}

func readRoot(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestWhatTheComposeFileMountsAndBuildsFromExists(t *testing.T) {
	compose := readCompose(t)
	for name, service := range compose.Services {
		if service.Image == "" {
			readRoot(t, service.Build.Dockerfile)
		}
		for other := range service.DependsOn {
			if _, exists := compose.Services[other]; !exists {
				t.Errorf("%s depends on %s, which does not exist", name, other)
			}
		}
		for _, volume := range service.Volumes {
			source, _, _ := strings.Cut(volume, ":")
			if !strings.HasPrefix(source, ".") {
				if _, exists := compose.Volumes[source]; !exists {
					t.Errorf("%s mounts the volume %s, which is not declared", name, source)
				}
				continue
			}
			readRoot(t, source)
		}
	}
}

func TestTheVariablesOfTheComposeFileAreKnown(t *testing.T) {
	known := []string{config.EnvPrefix + "CONFIG"}
	for _, key := range config.Keys() {
		known = append(known, key.Env())
	}
	entry := readRoot(t, "asterisk-conf/docker-entry.sh")
	for name, service := range readCompose(t).Services {
		for variable := range service.Environment {
			switch {
			case strings.HasPrefix(variable, config.EnvPrefix) && !slices.Contains(known, variable):
				t.Errorf("%s sets %s, which callbackd does not know", name, variable)
			case name == "asterisk" && !strings.Contains(entry, "$"+variable) && !strings.Contains(entry, "${"+variable):
				t.Errorf("asterisk's docker-entry.sh does not read %s", variable)
			}
		}
	}
}

func TestCallbackdStartsWithWhatTheComposeFileSets(t *testing.T) {
	service := readCompose(t).Services["callbackd"]
	variable := regexp.MustCompile(`\$\{[A-Z_]+[^}]*\}`)
	for name, value := range service.Environment {
		t.Setenv(name, variable.ReplaceAllString(value, "secret"))
	}
	t.Setenv("CALLBACKD_CONFIG", filepath.Join(root, "cmd/callbackd/callbackd.yaml"))
	command := newRoot()
	if err := command.ParseFlags(nil); err != nil {
		t.Fatal(err)
	}
	settings, err := load(command)
	if err != nil {
		t.Fatal(err)
	}
	for _, missing := range []error{settings.NeedDatabase(), settings.NeedARI()} {
		if missing != nil {
			t.Error(missing)
		}
	}
}

func TestThePortsOfTheComposeFileAreThoseOfTheConfiguration(t *testing.T) {
	compose := readCompose(t)
	set := compose.Services["callbackd"].Environment
	site := readRoot(t, "asterisk-conf/site.conf")
	image := readRoot(t, "asterisk-conf/Dockerfile")

	ari := portOf(t, set["CALLBACKD_ARI_URL"])
	if got := siteValue(t, site, "site-http", "bindport"); got != ari {
		t.Errorf("Asterisk's web server listens on %s, callbackd asks %s", got, ari)
	}
	_, sip, err := net.SplitHostPort(siteValue(t, site, "site-transport", "bind"))
	if err != nil {
		t.Fatal(err)
	}
	for _, port := range []string{ari + "/tcp", sip + "/udp"} {
		if !strings.Contains(image, port) {
			t.Errorf("asterisk-conf/Dockerfile does not expose %s", port)
		}
	}

	_, health, err := net.SplitHostPort(set["CALLBACKD_HTTP_LISTEN"])
	if err != nil {
		t.Fatal(err)
	}
	check := compose.Services["callbackd"].Healthcheck.Test
	if got := portOf(t, check[len(check)-1]); got != health {
		t.Errorf("the health check asks port %s, callbackd listens on %s", got, health)
	}
	if !strings.Contains(readRoot(t, "cmd/callbackd/Dockerfile"), "EXPOSE "+health) {
		t.Errorf("cmd/callbackd/Dockerfile does not expose %s", health)
	}

	published := compose.Services["postgres"].Ports
	for _, service := range []string{"migrate", "callbackd"} {
		database := portOf(t, regexp.MustCompile(`\$\{[^}]*\}`).ReplaceAllString(compose.Services[service].Environment["CALLBACKD_DATABASE_URL"], "x"))
		if want := "127.0.0.1:" + database + ":5432"; !slices.Contains(published, want) {
			t.Errorf("%s asks Postgres on port %s, which is published as %v", service, database, published)
		}
	}
}

func portOf(t *testing.T, address string) string {
	t.Helper()
	parsed, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return parsed.Port()
}

// siteValue gives what a template section of site.conf sets a key to.
func siteValue(t *testing.T, site, section, key string) string {
	t.Helper()
	_, rest, found := strings.Cut(site, "["+section+"](!)")
	if !found {
		t.Fatalf("site.conf has no section %s", section)
	}
	for line := range strings.Lines(rest) {
		if strings.HasPrefix(line, "[") {
			break
		}
		if name, value, found := strings.Cut(line, "="); found && strings.TrimSpace(name) == key {
			return strings.TrimSpace(value)
		}
	}
	t.Fatalf("site.conf sets no %s in %s", key, section)
	return ""
}

func TestWhatTheDockerfilesCopyExistsAndIsAllThatIsBuilt(t *testing.T) {
	copies := regexp.MustCompile(`(?m)^COPY (.+) \S+$`)
	var sources []string
	for _, file := range []string{"cmd/callbackd/Dockerfile", "asterisk-conf/Dockerfile"} {
		for _, found := range copies.FindAllStringSubmatch(readRoot(t, file), -1) {
			if strings.HasPrefix(found[1], "--from") {
				continue
			}
			sources = append(sources, strings.Fields(found[1])...)
		}
	}
	for _, source := range sources {
		matches, err := filepath.Glob(filepath.Join(root, source))
		if err != nil || len(matches) == 0 {
			t.Errorf("%s is copied and does not exist", source)
		}
	}
	list, err := exec.Command("go", "list", "-deps", "-f", "{{if .Module}}{{if .Module.Main}}{{.ImportPath}}{{end}}{{end}}", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range strings.Fields(string(list)) {
		folder, _, _ := strings.Cut(strings.TrimPrefix(path, "github.com/callbackd/callbackd/"), "/")
		if !slices.Contains(sources, folder) {
			t.Errorf("the program is built from %s, which cmd/callbackd/Dockerfile does not copy", folder)
		}
	}
}

func TestTheAsteriskImageWritesTheSitesValuesAtItsStart(t *testing.T) {
	site := filepath.Join(t.TempDir(), "site.conf")
	if err := os.WriteFile(site, []byte(readRoot(t, "asterisk-conf/site.conf")), 0o600); err != nil {
		t.Fatal(err)
	}
	entry := func(variables ...string) (string, error) {
		command := exec.Command("sh", filepath.Join(root, "asterisk-conf/docker-entry.sh"), "echo", "started")
		command.Env = append([]string{"PATH=" + os.Getenv("PATH"), "ASTERISK_SITE=" + site}, variables...)
		out, err := command.CombinedOutput()
		return strings.TrimSpace(string(out)), err
	}
	out, err := entry(`CALLBACKD_ARI_PASSWORD=a&\1/b`, "ASTERISK_AGENTS=1001:first 1012:last",
		"ASTERISK_TRUNK=198.51.100.7:5060", "ASTERISK_EXTERNAL=203.0.113.9", "ASTERISK_SCRIPT=sales")
	if err != nil || out != "started" {
		t.Fatalf("%v: %s", err, out)
	}
	text, err := os.ReadFile(site)
	if err != nil {
		t.Fatal(err)
	}
	written := string(text)
	for _, want := range []struct{ section, key, value string }{
		{"site-ari", "password", `a&\1/b`},
		{"site-1001", "password", "first"},
		{"site-1012", "password", "last"},
		{"site-trunk-aor", "contact", "sip:198.51.100.7:5060"},
		{"site-trunk-identify", "match", "198.51.100.7:5060"},
		{"site-transport", "external_media_address", "203.0.113.9"},
		{"site-globals", "CALLBACKD_SCRIPT", "sales"},
		{"site-http", "bindport", "8088"},
	} {
		if got := siteValue(t, written, want.section, want.key); got != want.value {
			t.Errorf("%s in %s is %q, want %q", want.key, want.section, got, want.value)
		}
	}
	if strings.Contains(written, "CHANGE-ME") {
		t.Error("an extension that was not named still has the sample's password")
	}
	for _, wrong := range [][]string{
		{},
		{"CALLBACKD_ARI_PASSWORD=a;b"},
		{"CALLBACKD_ARI_PASSWORD=a", "ASTERISK_AGENTS=4711:x"},
	} {
		if out, err := entry(wrong...); err == nil {
			t.Errorf("%v was taken: %s", wrong, out)
		}
	}
}

func TestTheSampleConfigurationNamesEveryKeyAndItsDefault(t *testing.T) {
	sample := readRoot(t, "cmd/callbackd/callbackd.yaml")
	uncommented := regexp.MustCompile(`(?m)^( *)#( *[a-z_]+:)`).ReplaceAllString(sample, "$1$2")
	path := filepath.Join(t.TempDir(), "callbackd.yaml")
	if err := os.WriteFile(path, []byte(uncommented), 0o600); err != nil {
		t.Fatal(err)
	}
	command := newRoot()
	if err := command.ParseFlags([]string{"--config", path}); err != nil {
		t.Fatal(err)
	}
	settings, err := load(command)
	if err != nil {
		t.Fatal(err)
	}
	effective := settings.Effective()
	for _, key := range config.Keys() {
		if key.Default != "" && effective[key.Name] != key.Default {
			t.Errorf("%s is %v in the sample, want the default %s", key.Name, effective[key.Name], key.Default)
		}
		if value := effective[key.Name]; value == "" {
			t.Errorf("%s is not in the sample", key.Name)
		}
	}
	plain := newRoot()
	if err := plain.ParseFlags(nil); err != nil {
		t.Fatal(err)
	}
	defaults, err := load(plain)
	if err != nil {
		t.Fatal(err)
	}
	if settings.Skills["support"] != defaults.Skills["support"] {
		t.Errorf("the sample's skill is %v, want the defaults", settings.Skills["support"])
	}
	if !strings.Contains(uncommented, "scripts:") || len(settings.Scripts) != 2 {
		t.Errorf("the sample shows no scripts")
	}
}
