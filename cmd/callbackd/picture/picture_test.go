package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"testing"
)

func TestTheCommittedPictureIsTheOneThatIsDrawn(t *testing.T) {
	committed, err := os.ReadFile("call.svg")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(committed, draw()) {
		t.Error("call.svg is not what the story says: run make picture")
	}
}

func TestThePictureIsWellFormed(t *testing.T) {
	decoder := xml.NewDecoder(bytes.NewReader(draw()))
	for {
		_, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestEveryCallThatBeginsInTheStoryEnds(t *testing.T) {
	open := map[lane]bool{}
	for _, p := range story {
		for _, s := range p.steps {
			for _, l := range s.begins {
				if open[l] {
					t.Errorf("%q begins a call of %s, which has one", s.text, lanes[l].name)
				}
				open[l] = true
			}
			for _, l := range s.ends {
				if !open[l] {
					t.Errorf("%q ends a call of %s, which has none", s.text, lanes[l].name)
				}
				delete(open, l)
			}
		}
	}
	for l := range open {
		t.Errorf("the call of %s never ends", lanes[l].name)
	}
}
