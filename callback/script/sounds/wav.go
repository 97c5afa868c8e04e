package sounds

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"
)

// header is what a WAV file says of its samples: whole numbers, low byte first.
type header struct {
	rate     int64 // frames a second
	channels int64
	bits     int64 // of a sample
	at       int64 // where the samples begin, in bytes
	size     int64 // of the samples, in bytes
}

const pcm = 1 // the format of samples that are plain whole numbers

// readHeader reads the header of a WAV file of that size in bytes. The error says why its samples are not
// plain ones.
func readHeader(file io.ReaderAt, size int64) (header, error) {
	var start [12]byte
	if _, err := file.ReadAt(start[:], 0); err != nil {
		return header{}, fmt.Errorf("reading the beginning of a WAV file: %w", err)
	}
	if string(start[:4]) != "RIFF" || string(start[8:]) != "WAVE" {
		return header{}, errors.New("this is no WAV file")
	}
	var h header
	for at := int64(len(start)); ; {
		var chunk [8]byte
		if _, err := file.ReadAt(chunk[:], at); err != nil {
			return header{}, fmt.Errorf("looking for the samples of a WAV file: %w", err)
		}
		at += int64(len(chunk))
		length := int64(binary.LittleEndian.Uint32(chunk[4:]))
		switch string(chunk[:4]) {
		case "fmt ":
			if err := h.readFormat(file, at); err != nil {
				return header{}, err
			}
		case "data":
			if h.rate == 0 {
				return header{}, errors.New("the WAV file does not say what its samples are")
			}
			h.at, h.size = at, min(length, size-at) // a program that wrote to a pipe could not know the length
			return h, nil
		}
		at += length + length%2
	}
}

func (h *header) readFormat(file io.ReaderAt, at int64) error {
	var format [16]byte
	if _, err := file.ReadAt(format[:], at); err != nil {
		return fmt.Errorf("reading the format of a WAV file: %w", err)
	}
	kind := binary.LittleEndian.Uint16(format[0:])
	h.channels = int64(binary.LittleEndian.Uint16(format[2:]))
	h.rate = int64(binary.LittleEndian.Uint32(format[4:]))
	h.bits = int64(binary.LittleEndian.Uint16(format[14:]))
	if kind != pcm || h.channels == 0 || h.rate == 0 || h.bits == 0 || h.bits%8 != 0 {
		return fmt.Errorf("a WAV file of format %d with %d channels, %d Hz and %d bits is not plain PCM", kind, h.channels, h.rate, h.bits)
	}
	return nil
}

// length is how long the samples play.
func (h header) length() time.Duration {
	frames := h.size / (h.channels * h.bits / 8)
	return time.Duration(frames/h.rate)*time.Second + time.Duration(frames%h.rate)*time.Second/time.Duration(h.rate)
}

// readSamples reads a whole WAV file with one channel of 16 bits, and gives its samples and their rate.
func readSamples(file io.ReaderAt, size int64) ([]int16, int64, error) {
	h, err := readHeader(file, size)
	if err != nil {
		return nil, 0, err
	}
	if h.channels != 1 || h.bits != 16 {
		return nil, 0, fmt.Errorf("a WAV file has %d channels of %d bits, want 1 of 16", h.channels, h.bits)
	}
	samples := make([]int16, h.size/2)
	if err := binary.Read(io.NewSectionReader(file, h.at, h.size), binary.LittleEndian, samples); err != nil {
		return nil, 0, fmt.Errorf("reading the samples of a WAV file: %w", err)
	}
	return samples, h.rate, nil
}

// writeWAV writes samples as Asterisk wants them: 8 kHz, one channel, 16 bits.
func writeWAV(w io.Writer, samples []int16) error {
	size := uint32(2 * len(samples)) //nolint:gosec // a spoken text is far from 4 GiB
	for _, part := range []any{
		[]byte("RIFF"), 36 + size, []byte("WAVEfmt "), uint32(16),
		uint16(pcm), uint16(1), uint32(telephone), uint32(2 * telephone), uint16(2), uint16(16),
		[]byte("data"), size, samples,
	} {
		if err := binary.Write(w, binary.LittleEndian, part); err != nil {
			return fmt.Errorf("writing a WAV file: %w", err)
		}
	}
	return nil
}
