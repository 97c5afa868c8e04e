package sounds

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Folder is a folder of sounds, as a contact of one language hears it. It looks at the files anew each
// time, and many may use it at once.
type Folder struct {
	places []string // where a sound may be, in order
}

// standard is Asterisk's own language, in which it looks last.
const standard = "en"

// Open gives the sounds of a language, as in en or fr_CA, in a folder: the one that holds the languages'
// folders, or a language's own. No language is en, as in Asterisk. The error says that there is no such
// folder.
func Open(folder, language string) (*Folder, error) {
	info, err := os.Stat(folder)
	if err != nil {
		return nil, fmt.Errorf("opening the folder of sounds: %w", err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("opening the folder of sounds: %s is a file; give the folder that holds en/", folder)
	}
	f := &Folder{}
	for _, l := range lineage(language) {
		f.places = append(f.places, filepath.Join(folder, l))
	}
	f.places = append(f.places, folder, filepath.Join(folder, standard))
	return f, nil
}

// lineage gives a language and those that it is a dialect of.
func lineage(language string) []string {
	if language == "" {
		return nil
	}
	languages := []string{language}
	for {
		end := strings.LastIndex(language, "_")
		if end < 0 {
			return languages
		}
		language = language[:end]
		languages = append(languages, language)
	}
}

// Has tells whether Asterisk finds a sound. A name that begins with / is a path without ending.
func (f *Folder) Has(name string) bool {
	return len(f.files(name)) > 0
}

// Length gives how long a sound plays, and false where there is no such sound or its file's format does
// not tell: a WAV file's header does, and so does the size of a file without header (ulaw, alaw, gsm,
// sln, sln16, g722).
func (f *Folder) Length(name string) (time.Duration, bool) {
	for _, file := range f.files(name) {
		if length, known := lengthOf(file); known {
			return length, true
		}
	}
	return 0, false
}

// files gives the files of a sound, one a format, in the first place that has any.
func (f *Folder) files(name string) []string {
	if name == "" {
		return nil
	}
	if filepath.IsAbs(name) {
		return filesAt(name)
	}
	for _, place := range f.places {
		if files := filesAt(place + "/" + name); files != nil {
			return files
		}
	}
	return nil
}

func filesAt(path string) []string {
	var files []string
	for _, ending := range endings {
		file := path + "." + ending
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() {
			files = append(files, file)
		}
	}
	return files
}
