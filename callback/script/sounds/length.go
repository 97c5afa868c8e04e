package sounds

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// headerless are formats whose files are frames and nothing else.
var headerless = []struct {
	endings []string // the first is the format's name
	frame   int64    // bytes
	lasts   time.Duration
}{
	{[]string{"ulaw", "ul", "mu", "ulw", "pcm"}, 1, time.Second / 8000},
	{[]string{"alaw", "al", "alw"}, 1, time.Second / 8000},
	{[]string{"gsm"}, 33, 20 * time.Millisecond},
	{[]string{"sln", "slin", "raw"}, 2, time.Second / 8000},
	{[]string{"sln16"}, 2, time.Second / 16000},
	{[]string{"g722"}, 1, time.Second / 8000}, // two samples of 16,000 a second in a byte
}

// endings are those of all the files that an Asterisk plays.
var endings = slices.Concat(
	[]string{"wav", "wav16"},
	headerlessEndings(),
	[]string{
		"WAV", "wav49", "au", "mp3", "ogg", "opus", "spx", "spx16", "spx32",
		"sln12", "sln24", "sln32", "sln44", "sln48", "sln96", "sln192",
		"g719", "g723", "g723sf", "g726-16", "g726-24", "g726-32", "g726-40", "g729", "ilbc", "siren7", "siren14", "vox",
	},
)

func headerlessEndings() []string {
	var endings []string
	for _, format := range headerless {
		endings = append(endings, format.endings...)
	}
	return endings
}

// lengthOf gives how long a file plays, and false where its format does not tell.
func lengthOf(path string) (time.Duration, bool) {
	ending := strings.TrimPrefix(filepath.Ext(path), ".")
	if ending == "wav" || ending == "wav16" {
		return lengthOfWAV(path)
	}
	for _, format := range headerless {
		if !slices.Contains(format.endings, ending) {
			continue
		}
		info, err := os.Stat(path)
		if err != nil {
			return 0, false
		}
		return time.Duration(info.Size()/format.frame) * format.lasts, true
	}
	return 0, false
}

func lengthOfWAV(path string) (time.Duration, bool) {
	file, err := os.Open(path) //nolint:gosec // the administrator names the folder
	if err != nil {
		return 0, false
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return 0, false
	}
	h, err := readHeader(file, info.Size())
	if err != nil {
		return 0, false
	}
	return h.length(), true
}
