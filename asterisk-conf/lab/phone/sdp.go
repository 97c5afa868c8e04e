package phone

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// ownKeyType is the RTP payload type that our own offers give to RFC 4733 keys.
const ownKeyType = 101

// description is what one side's SDP says about its audio.
type description struct {
	at        netip.AddrPort // where it wants the audio; port 0: nowhere
	codecs    []Codec        // those that we know, in its order
	keyType   uint8          // the payload type of RFC 4733 keys, 0 for none
	direction string         // sendrecv, sendonly, recvonly, inactive
	refused   []string       // the "m=" lines that an answer has to refuse
	audioAt   int            // how many of refused stand before the audio line
}

// parseSDP reads an offer or an answer with at least one audio stream.
func parseSDP(body []byte) (description, error) {
	d := description{direction: "sendrecv"}
	var session, address netip.Addr
	var section string // "", "audio" for the stream that is used, or "other"
	var port uint16
	for line := range strings.Lines(string(body)) {
		line = strings.TrimRight(line, "\r\n")
		kind, value, ok := strings.Cut(line, "=")
		if !ok {
			continue
		}
		switch kind {
		case "c":
			a, err := parseConnection(value)
			if err != nil {
				return d, err
			}
			switch section {
			case "":
				session = a
			case "audio":
				address = a
			}
		case "m":
			if !strings.HasPrefix(value, "audio ") || len(d.codecs) > 0 {
				section = "other"
				d.refused = append(d.refused, value)
				continue
			}
			section = "audio"
			d.audioAt = len(d.refused)
			var err error
			if port, d.codecs, err = parseAudioLine(value); err != nil {
				return d, err
			}
		case "a":
			d.parseAttribute(section, value)
		}
	}
	if len(d.codecs) == 0 {
		return d, fmt.Errorf("the SDP has no G.711 audio:\n%s", body)
	}
	if !address.IsValid() {
		address = session
	}
	if !address.IsValid() {
		return d, fmt.Errorf("the SDP has no address:\n%s", body)
	}
	d.at = netip.AddrPortFrom(address, port)
	return d, nil
}

func parseConnection(value string) (netip.Addr, error) {
	fields := strings.Fields(value)
	if len(fields) != 3 {
		return netip.Addr{}, fmt.Errorf("an SDP address of three words, not %q", value)
	}
	a, err := netip.ParseAddr(fields[2])
	if err != nil {
		return netip.Addr{}, fmt.Errorf("reading the SDP's address: %w", err)
	}
	return a, nil
}

// parseAudioLine reads "audio PORT RTP/AVP TYPE...".
func parseAudioLine(value string) (uint16, []Codec, error) {
	fields := strings.Fields(value)
	if len(fields) < 4 {
		return 0, nil, fmt.Errorf("an SDP audio line of four words or more, not %q", value)
	}
	port, err := strconv.ParseUint(fields[1], 10, 16)
	if err != nil {
		return 0, nil, fmt.Errorf("reading the SDP's audio port: %w", err)
	}
	var codecs []Codec
	for _, f := range fields[3:] {
		n, err := strconv.ParseUint(f, 10, 7)
		if err == nil && laws[Codec(n)] != nil {
			codecs = append(codecs, Codec(n))
		}
	}
	return uint16(port), codecs, nil
}

func (d *description) parseAttribute(section, value string) {
	if section == "other" {
		return
	}
	switch value {
	case "sendrecv", "sendonly", "recvonly", "inactive":
		d.direction = value
		return
	}
	mapping, ok := strings.CutPrefix(value, "rtpmap:")
	if !ok {
		return
	}
	number, name, _ := strings.Cut(mapping, " ")
	if !strings.EqualFold(name, "telephone-event/8000") {
		return
	}
	if n, err := strconv.ParseUint(number, 10, 7); err == nil {
		d.keyType = uint8(n)
	}
}

// choose returns the codec to use: the first of theirs that we take.
func (d *description) choose(ours []Codec) (Codec, error) {
	for _, c := range d.codecs {
		if slices.Contains(ours, c) {
			return c, nil
		}
	}
	return 0, fmt.Errorf("no codec in common: they have %v, we have %v", d.codecs, ours)
}

// mirrored is the direction an answer gives to an offer of direction.
func mirrored(direction string) string {
	switch direction {
	case "sendonly":
		return "recvonly"
	case "recvonly":
		return "sendonly"
	default:
		return direction
	}
}

// withheld is a direction of ours as it becomes while we have put the far end on hold.
func withheld(direction string, held bool) string {
	switch {
	case held && direction == "sendrecv":
		return "sendonly"
	case held && direction == "recvonly":
		return "inactive"
	default:
		return direction
	}
}

// localSDP describes our side.
type localSDP struct {
	at        netip.AddrPort
	version   int
	codecs    []Codec
	keyType   uint8
	direction string
	refused   []string
	audioAt   int
}

// bytes writes the SDP.
func (l *localSDP) bytes() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "v=0\r\no=phone %d %d IN IP4 %s\r\ns=phone\r\nc=IN IP4 %s\r\nt=0 0\r\n",
		l.at.Port(), l.version, l.at.Addr(), l.at.Addr())
	for _, line := range l.refused[:l.audioAt] {
		refuse(&b, line)
	}
	fmt.Fprintf(&b, "m=audio %d RTP/AVP", l.at.Port())
	for _, c := range l.codecs {
		fmt.Fprintf(&b, " %d", uint8(c))
	}
	if l.keyType != 0 {
		fmt.Fprintf(&b, " %d", l.keyType)
	}
	b.WriteString("\r\n")
	for _, c := range l.codecs {
		fmt.Fprintf(&b, "a=rtpmap:%d %s/%d\r\n", uint8(c), c, sampleRate)
	}
	if l.keyType != 0 {
		fmt.Fprintf(&b, "a=rtpmap:%d telephone-event/%d\r\na=fmtp:%d 0-15\r\n", l.keyType, sampleRate, l.keyType)
	}
	fmt.Fprintf(&b, "a=ptime:20\r\na=%s\r\n", l.direction)
	for _, line := range l.refused[l.audioAt:] {
		refuse(&b, line)
	}
	return []byte(b.String())
}

// refuse answers an "m=" line with port 0, which turns the stream down.
func refuse(b *strings.Builder, line string) {
	fields := strings.Fields(line)
	if len(fields) > 1 {
		fields[1] = "0"
	}
	fmt.Fprintf(b, "m=%s\r\n", strings.Join(fields, " "))
}
