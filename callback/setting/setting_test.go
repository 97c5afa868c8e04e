package setting

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/callbackd/callbackd/callback"
)

// fields gives the paths of the fields of a skill that differ between two, as in Priority.Initial.
func fields(a, b reflect.Value, path string) []string {
	if a.Kind() != reflect.Struct {
		if a.Equal(b) {
			return nil
		}
		return []string{path}
	}
	var list []string
	for i := range a.NumField() {
		list = append(list, fields(a.Field(i), b.Field(i), strings.TrimPrefix(path+"."+a.Type().Field(i).Name, "."))...)
	}
	return list
}

// filled gives a skill in which each field differs from those of the one that is zero.
func filled(t *testing.T) callback.Skill {
	t.Helper()
	var skill callback.Skill
	var fill func(v reflect.Value)
	fill = func(v reflect.Value) {
		switch {
		case v.Kind() == reflect.Struct:
			for i := range v.NumField() {
				fill(v.Field(i))
			}
		case v.CanInt():
			v.SetInt(1)
		case v.Kind() == reflect.String:
			v.SetString("x")
		default:
			t.Fatalf("the test can't fill a %s", v.Kind())
		}
	}
	fill(reflect.ValueOf(&skill).Elem())
	return skill
}

// What a skill holds and no setting sets could be changed by nobody.
func TestEveryFieldOfASkillButItsNameHasOneSetting(t *testing.T) {
	values := map[string]string{
		"initial_priority": "3", "acceleration": "4", "max_priority": "5", "ring_time": "7s", "accept": "press_1",
		"accept_time": "8s", "caller_name": "{SKILL}", "whisper": "acme/hello", "refused_time": "9s", "refusals": "6",
		"after_call_work": "11s", "contact_ring_time": "12s", "attempts": "2", "retry_time": "13s", "pause_time": "14s", "region": "DE",
	}
	var set []string
	for _, s := range All() {
		skill := callback.DefaultSkill
		if err := s.Set(&skill, values[s.Name]); err != nil {
			t.Fatalf("%s: %v", s.Name, err)
		}
		changed := fields(reflect.ValueOf(callback.DefaultSkill), reflect.ValueOf(skill), "")
		if len(changed) != 1 {
			t.Errorf("%s sets %v, want one field", s.Name, changed)
		}
		set = append(set, changed...)
		again := callback.DefaultSkill
		if err := s.Set(&again, strings.Trim(s.Get(skill), "'")); err != nil || again != skill {
			t.Errorf("%s is written %s, which is read as another value (%v)", s.Name, s.Get(skill), err)
		}
	}
	want := fields(reflect.ValueOf(callback.Skill{}), reflect.ValueOf(filled(t)), "")
	want = slices.DeleteFunc(want, func(name string) bool { return name == "Name" })
	slices.Sort(want)
	slices.Sort(set)
	if !slices.Equal(set, want) {
		t.Errorf("the settings set %v\na skill has     %v", set, want)
	}
}

func TestAValueThatIsWrongSaysWhatWouldBeRight(t *testing.T) {
	for _, c := range []struct{ name, value, want string }{
		{"attempts", "0", "0 is not between 1 and 100"},
		{"attempts", "two", `"two" is not a whole number`},
		{"ring_time", "20", `"20" is not a time, as in 20s, 10m or 1h30m`},
		{"ring_time", "1h", "1h is not between 1s and 10m"},
		{"region", "us", `"us" is not a region, as in US, GB or DE`},
		{"accept", "", "a value belongs here"},
	} {
		s, known := Named(c.name)
		if !known {
			t.Fatalf("there is no setting %s", c.name)
		}
		skill := callback.DefaultSkill
		if err := s.Set(&skill, c.value); err == nil || err.Error() != c.want {
			t.Errorf("%s: %q: %v, want %s", c.name, c.value, err, c.want)
		}
	}
	if _, known := Named("ringtime"); known {
		t.Error("there is a setting ringtime")
	}
}
