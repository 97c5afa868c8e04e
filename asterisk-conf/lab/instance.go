package lab

import (
	"crypto/rand"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	asteriskconf "github.com/callbackd/callbackd/asterisk-conf"
)

// The agents' extensions, as in pjsip.conf.
const (
	firstExtension = 1001
	lastExtension  = 1012
)

// Files of the root that are emptied when it is built.
const (
	hostsFile  = "etc/hosts"
	resolvFile = "etc/resolv.conf"
)

// Where Asterisk looks for sounds in English, and for sound:callbackd/NAME.
const (
	englishPlace = "usr/share/asterisk/sounds/en_US_f_Allison"
	soundsPlace  = englishPlace + "/callbackd"
)

// overlays are an instance's folders and the places in the root that they cover.
var overlays = []struct{ folder, place string }{
	{"etc", "etc/asterisk"},
	{"log", "var/log/asterisk"},
	{"run", "run/asterisk"},
	{"spool", "var/spool/asterisk"},
	{"lib", "var/lib/asterisk"},
	{"cache", "var/cache/asterisk"},
}

// mountPoints are the folders that the root must have for an instance.
func mountPoints() []string {
	var places []string
	for _, overlay := range overlays {
		places = append(places, overlay.place)
	}
	return append(places, soundsPlace)
}

// sounds gives the folder of the instance's sounds and the place in the root that
// it covers: callbackd's prompts, or all in English where the folder is someone's own.
func (a *Asterisk) sounds() (folder, place string) {
	if a.English != "" {
		return a.English, englishPlace
	}
	return filepath.Join(a.Dir, "sounds"), soundsPlace
}

// prompts gives the folder of callbackd's prompts.
func (a *Asterisk) prompts() string {
	if a.English != "" {
		return filepath.Join(a.English, "callbackd")
	}
	return filepath.Join(a.Dir, "sounds")
}

// bootScript is run by a shell, in a mount namespace of its own, and becomes
// Asterisk. Its arguments are the root, the instance's folder, and what sounds gives.
func bootScript() string {
	var script strings.Builder
	script.WriteString("mount -t proc proc \"$1/proc\"\nmount --rbind /dev \"$1/dev\"\n")
	for _, overlay := range overlays {
		fmt.Fprintf(&script, "mount --bind \"$2/%s\" \"$1/%s\"\n", overlay.folder, overlay.place)
	}
	script.WriteString("mount --bind \"$3\" \"$1/$4\"\n")
	fmt.Fprintf(&script, "mount --bind \"$2/hosts\" \"$1/%s\"\n", hostsFile)
	script.WriteString("exec chroot \"$1\" /usr/sbin/asterisk -f\n")
	return script.String()
}

// makeDir fills the instance's folder: the shipped configuration as it is, the
// site's own values, prompts, music.
func (a *Asterisk) makeDir(o AsteriskOptions) error {
	if err := a.chooseDir(o.Dir); err != nil {
		return fmt.Errorf("making the instance's folder: %w", err)
	}
	for _, overlay := range overlays {
		if err := os.MkdirAll(filepath.Join(a.Dir, overlay.folder), 0o755); err != nil {
			return fmt.Errorf("making the instance's folder: %w", err)
		}
	}
	for _, folder := range []string{
		"log/cdr-csv", "lib/priv-callerintros", "lib/sounds/custom", // as Debian's package makes them
		"log/cel-custom", // as the administrator does, see cel_custom.conf
		"lib/music",
	} {
		if err := os.MkdirAll(filepath.Join(a.Dir, folder), 0o755); err != nil {
			return fmt.Errorf("making the instance's folder: %w", err)
		}
	}
	if err := a.writeConfiguration(o); err != nil {
		return err
	}
	if err := a.providePrompts(o); err != nil {
		return err
	}
	if err := a.SetMusic(Sound{Hz: MusicHz, Lasts: musicTime}); err != nil {
		return fmt.Errorf("writing the music on hold: %w", err)
	}
	return a.save()
}

// providePrompts makes a folder of callbackd's prompts, unless all sounds are in one that is given.
func (a *Asterisk) providePrompts(o AsteriskOptions) (err error) {
	if o.English != "" {
		a.English, err = filepath.Abs(o.English)
		return err
	}
	if err := os.MkdirAll(a.prompts(), 0o755); err != nil {
		return fmt.Errorf("making the folder of the prompts: %w", err)
	}
	return copyShipped("sounds/en/callbackd/*", a.prompts())
}

func (a *Asterisk) chooseDir(dir string) (err error) {
	if dir == "" {
		a.temporary = true
		a.Dir, err = os.MkdirTemp("", "callbackd-asterisk-")
		return err
	}
	a.Dir, err = filepath.Abs(dir)
	return err
}

// writeConfiguration writes the shipped files, this instance's site.conf, and
// the hosts file without which each outgoing call waits for a name server that
// does not answer.
func (a *Asterisk) writeConfiguration(o AsteriskOptions) error {
	etc := filepath.Join(a.Dir, "etc")
	if err := copyShipped("*.conf", etc); err != nil {
		return err
	}
	site, err := asteriskconf.Site(a.site(o))
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(etc, "site.conf"), []byte(site), 0o600); err != nil {
		return fmt.Errorf("writing site.conf: %w", err)
	}
	machine, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("asking for the machine's name: %w", err)
	}
	hosts := fmt.Sprintf("127.0.0.1 localhost %s A.ROOT-SERVERS.NET\n", machine)
	if err := os.WriteFile(filepath.Join(a.Dir, "hosts"), []byte(hosts), 0o644); err != nil {
		return fmt.Errorf("writing the hosts file: %w", err)
	}
	return nil
}

// site returns what stands in this instance's site.conf.
func (a *Asterisk) site(o AsteriskOptions) asteriskconf.Values {
	web := strings.TrimSuffix(strings.TrimPrefix(a.ARIURL, "http://"), "/ari")
	_, port, _ := strings.Cut(web, ":")
	values := asteriskconf.Values{
		"site-options":        {"entityid": a.entity()},
		"site-logfiles":       {"full.log": "notice,warning,error,verbose(4)"},
		"site-http":           {"bindaddr": a.Address, "bindport": port},
		"site-ari":            {"password": a.ARIPassword},
		"site-transport":      {"bind": a.SIP},
		"site-trunk-aor":      {"contact": "sip:" + a.Trunk},
		"site-trunk-identify": {"match": a.Trunk},
		"site-agent-aor":      {"qualify_frequency": "0"},
		"site-moh":            {"directory": "/var/lib/asterisk/music"},
		"site-globals":        {"CALLBACKD_SCRIPT": "example", "CALLBACKD_AWAY": o.Away},
	}
	if o.Script != "" {
		values["site-globals"]["CALLBACKD_SCRIPT"] = o.Script
	}
	for _, agent := range a.Agents {
		values["site-"+agent.Number] = map[string]string{"password": agent.Password}
	}
	return values
}

// entity is the instance's name in the form of a network card's address; the
// default would be the same for all on this machine.
func (a *Asterisk) entity() string {
	var n [4]byte
	_, _ = fmt.Sscanf(a.Address, "%d.%d.%d.%d", &n[0], &n[1], &n[2], &n[3])
	return fmt.Sprintf("02:00:%02x:%02x:%02x:%02x", n[0], n[1], n[2], n[3])
}

// copyShipped writes the shipped files that match the pattern into dir.
func copyShipped(pattern, dir string) error {
	files, err := fs.Glob(asteriskconf.Files, pattern)
	if err != nil {
		return fmt.Errorf("listing the shipped %s: %w", pattern, err)
	}
	for _, file := range files {
		text, err := asteriskconf.Files.ReadFile(file)
		if err != nil {
			return fmt.Errorf("reading the shipped %s: %w", file, err)
		}
		if err := os.WriteFile(filepath.Join(dir, path.Base(file)), text, 0o644); err != nil {
			return fmt.Errorf("writing the configuration: %w", err)
		}
	}
	return nil
}

// password returns one that nobody guesses, in letters that need no quoting.
func password() string {
	return rand.Text()
}
