package phone

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
)

// sampleRate is the only rate of this package, in samples a second.
const sampleRate = 8000

// wavHeaderSize is the length of the header that newWAV writes, in bytes.
const wavHeaderSize = 44

// wavFile writes a WAV file: 8 kHz, mono, 16-bit. The lengths in the header
// are right after close.
type wavFile struct {
	path    string
	file    *os.File
	out     *bufio.Writer
	samples uint32
	err     error // the first failure to write
}

// newWAV makes the file anew.
func newWAV(path string) (*wavFile, error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("making the recording: %w", err)
	}
	w := &wavFile{path: path, file: file, out: bufio.NewWriterSize(file, 1<<15)}
	_, w.err = w.out.Write(wavHeader(0))
	return w, nil
}

// write appends samples. A failure is kept for close.
func (w *wavFile) write(samples []int16) {
	if w.err != nil {
		return
	}
	for _, s := range samples {
		if w.out.Available() < 2 {
			if w.err = w.out.Flush(); w.err != nil {
				return
			}
		}
		b := binary.LittleEndian.AppendUint16(w.out.AvailableBuffer(), uint16(s))
		_, w.err = w.out.Write(b)
	}
	w.samples += uint32(len(samples))
}

// close writes what is left and the header's lengths, and says what went wrong
// since newWAV.
func (w *wavFile) close() error {
	if w.err == nil {
		w.err = w.out.Flush()
	}
	if w.err == nil {
		_, w.err = w.file.WriteAt(wavHeader(w.samples), 0)
	}
	if err := errors.Join(w.err, w.file.Close()); err != nil {
		return fmt.Errorf("writing the recording %s: %w", w.path, err)
	}
	return nil
}

// wavHeader describes a file of so many samples.
func wavHeader(samples uint32) []byte {
	const (
		formatPCM      = 1
		channels       = 1
		bytesPerSample = 2
	)
	le := binary.LittleEndian
	size := samples * bytesPerSample
	h := make([]byte, 0, wavHeaderSize)
	h = append(h, "RIFF"...)
	h = le.AppendUint32(h, wavHeaderSize-8+size)
	h = append(h, "WAVEfmt "...)
	h = le.AppendUint32(h, 16)
	h = le.AppendUint16(h, formatPCM)
	h = le.AppendUint16(h, channels)
	h = le.AppendUint32(h, sampleRate)
	h = le.AppendUint32(h, sampleRate*bytesPerSample)
	h = le.AppendUint16(h, bytesPerSample)
	h = le.AppendUint16(h, 8*bytesPerSample)
	h = append(h, "data"...)
	return le.AppendUint32(h, size)
}
