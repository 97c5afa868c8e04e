package ari

import (
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/CyCoreSystems/ari/v6"
)

// sampleEvent is one as Asterisk writes it.
const sampleEvent = `{"type":"ChannelStateChange","timestamp":"2030-01-31T09:00:00.000+0000","channel":{"id":"cb-4711-1",` +
	`"name":"PJSIP/trunk-00000000","state":"Up","protocol_id":"7525697c","caller":{"name":"","number":"2025550123"},` +
	`"connected":{"name":"Acme","number":"8005550100"},"accountcode":"","dialplan":{"context":"from-trunk","exten":"s",` +
	`"priority":1,"app_name":"Stasis","app_data":"callback,leg,4711"},"creationtime":"2030-01-31T09:00:00.000+0000",` +
	`"language":"en","channelvars":{"CALLBACKD_DNIS":"","CALLBACKD_DIALLED":"","CALLBACKD_CONTACT":"4711"}},` +
	`"asterisk_id":"02:00:00:00:00:01","application":"callback"}`

func TestThePeekSeesTheTypeWhereverItStands(t *testing.T) {
	for event, want := range map[string]string{
		sampleEvent: "ChannelStateChange",
		`{"cause":16,"soft":true,"channel":{"type":"inner"},"type":"ChannelHangupRequest"}`: "ChannelHangupRequest",
		`{"channel":{"type":"inner"}}`: "",
		`{"type":17}`:                  "",
		`{"type":`:                     "",
		`{`:                            "",
		`["type","StasisStart"]`:       "",
		`nothing`:                      "",
		``:                             "",
	} {
		if got := peek([]byte(event)); got != want {
			t.Errorf("peek(%s) is %q, want %q", event, got, want)
		}
	}
}

func FuzzPeek(f *testing.F) {
	f.Add(sampleEvent, "StasisStart")
	f.Add(`[{"type":"no"},{"type":null}]`, `with "quotes"`)
	f.Add(`{`, "")
	f.Fuzz(func(t *testing.T, before, kind string) {
		peek([]byte(before)) // whatever it is, it does no harm
		if !json.Valid([]byte(before)) || !utf8.ValidString(kind) {
			return
		}
		quoted, err := json.Marshal(kind)
		if err != nil {
			t.Fatal(err)
		}
		event := `{"before":` + before + `,"type":` + string(quoted) + `,"after":{"type":"other"}}`
		if got := peek([]byte(event)); got != kind {
			t.Errorf("peek(%s) is %q, want %q", event, got, kind)
		}
	})
}

func BenchmarkPeek(b *testing.B) {
	for b.Loop() {
		if peek([]byte(sampleEvent)) == "" {
			b.Fatal("no type")
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	for b.Loop() {
		if _, err := ari.DecodeEvent([]byte(sampleEvent)); err != nil {
			b.Fatal(err)
		}
	}
}
