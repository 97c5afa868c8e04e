package phone

import (
	"net/netip"
	"strings"
	"testing"
)

const asteriskOffer = "v=0\r\no=- 1 1 IN IP4 127.64.0.1\r\ns=Asterisk\r\nc=IN IP4 127.64.0.1\r\nt=0 0\r\n" +
	"m=audio 10000 RTP/AVP 9 8 0 96\r\na=rtpmap:9 G722/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n" +
	"a=rtpmap:96 telephone-event/8000\r\na=fmtp:96 0-16\r\na=ptime:20\r\na=maxptime:150\r\na=sendonly\r\n" +
	"m=video 10002 RTP/AVP 99\r\nc=IN IP4 10.0.0.1\r\na=inactive\r\n"

func TestAnOfferIsReadAndAnsweredLineByLine(t *testing.T) {
	d, err := parseSDP([]byte(asteriskOffer))
	must(t, err)
	if d.at != netip.MustParseAddrPort("127.64.0.1:10000") || d.keyType != 96 || d.direction != "sendonly" {
		t.Errorf("the offer was read as %+v", d)
	}
	codec, err := d.choose([]Codec{ULaw, ALaw})
	must(t, err)
	if codec != ALaw {
		t.Errorf("%s was chosen, not the far end's first", codec)
	}
	if _, err := d.choose(nil); err == nil {
		t.Error("a codec was chosen of none")
	}
	answer := localSDP{
		at:        netip.MustParseAddrPort("127.0.0.1:4000"),
		version:   2,
		codecs:    []Codec{codec},
		keyType:   d.keyType,
		direction: mirrored(d.direction),
		refused:   d.refused,
		audioAt:   d.audioAt,
	}
	want := "v=0|o=phone 4000 2 IN IP4 127.0.0.1|s=phone|c=IN IP4 127.0.0.1|t=0 0|m=audio 4000 RTP/AVP 8 96|" +
		"a=rtpmap:8 PCMA/8000|a=rtpmap:96 telephone-event/8000|a=fmtp:96 0-15|a=ptime:20|a=recvonly|m=video 0 RTP/AVP 99|"
	if got := strings.ReplaceAll(string(answer.bytes()), "\r\n", "|"); got != want {
		t.Errorf("the answer is\n%s\nwant\n%s", got, want)
	}
}

func TestSDPWithoutAudioForUsIsRefused(t *testing.T) {
	for _, body := range []string{
		"",
		"v=0\r\nc=IN IP4 127.0.0.1\r\nm=audio 10 RTP/AVP 9\r\n",
		"v=0\r\nc=IN IP4 127.0.0.1\r\nm=video 10 RTP/AVP 0\r\n",
		"v=0\r\nm=audio 10 RTP/AVP 0\r\n",
		"v=0\r\nc=IN IP4 host\r\nm=audio 10 RTP/AVP 0\r\n",
		"v=0\r\nc=IN IP4 127.0.0.1\r\nm=audio 70000 RTP/AVP 0\r\n",
		"v=0\r\nc=IN IP4 127.0.0.1\r\nm=audio 10\r\n",
	} {
		if d, err := parseSDP([]byte(body)); err == nil {
			t.Errorf("%q was read as %+v", body, d)
		}
	}
}
