package dga

import (
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"slices"
	"strings"
	"sync"
)

// The form of a model file, little-endian:
//
//	4  "VDGA"
//	2  version of the form and of the n-grams
//	2  number of bins
//	4  number of weights
//	4  scale: a unit of sum/sqrt(n), in 1/65536 of 1/1024 nat
//	4  bias, in 1/1024 nat
//	4  score at which the first bin ends
//	4  width of a bin
//	   2 for each bin: evidence, in 1/1024 nat
//	   2 for each weight
//	4  CRC-32 of all before
const (
	magic   = "VDGA"
	version = 1
	header  = 28

	// Bins is the number of steps in which a score says how much.
	Bins = 40
	// Weights is the number of weights: so many that a model has 512 KiB.
	Weights = (512<<10 - header - 2*Bins - 4) / 2
	// Unit is what 1 nat is in scores and evidence.
	Unit = 1024

	maxLabel = 63
	maxGrams = 4 * (maxLabel + 2)
)

// Shortest is the length from which a label has enough letters to say anything.
const Shortest = 7

//go:embed model.bin
var modelFile []byte

// Default is the model that comes with Vedette. That it can be read is a matter of
// the build, which tests see to.
var Default = sync.OnceValue(func() *Model {
	m, err := Parse(modelFile)
	if err != nil {
		panic(err)
	}
	return m
})

// Model scores labels. It is never changed.
type Model struct {
	weights     []int16
	evidence    [Bins]int16
	first, step int64
	bias        int64
	// scale[n] is what a sum of n weights is multiplied with.
	scale [maxGrams + 1]int64
}

// Params are a model apart from its form.
type Params struct {
	Weights  []int16
	Scale    int32 // of sum/sqrt(n), in 1/65536 of 1/1024 nat
	Bias     int32 // 1/1024 nat
	First    int32 // score at which the first bin ends
	Step     int32 // width of a bin
	Evidence [Bins]int16
}

// New makes a model of its parameters.
func New(p *Params) (*Model, error) {
	if len(p.Weights) != Weights || p.Step <= 0 {
		return nil, fmt.Errorf("make a model of %d weights and bins of %d: there must be %d weights, and bins wider than nothing", len(p.Weights), p.Step, Weights)
	}
	if !slices.IsSorted(p.Evidence[:]) {
		return nil, errors.New("make a model: the evidence of its bins does not rise")
	}
	m := &Model{weights: p.Weights, evidence: p.Evidence, first: int64(p.First), step: int64(p.Step), bias: int64(p.Bias)}
	for n := 1; n <= maxGrams; n++ {
		m.scale[n] = int64(math.Round(float64(p.Scale) / math.Sqrt(float64(n))))
	}
	return m, nil
}

// Append writes a model's file.
func (p *Params) Append(b []byte) []byte {
	from := len(b)
	le := binary.LittleEndian
	b = append(b, magic...)
	b = le.AppendUint16(b, version)
	b = le.AppendUint16(b, Bins)
	for _, v := range []int32{int32(len(p.Weights)), p.Scale, p.Bias, p.First, p.Step} {
		b = le.AppendUint32(b, uint32(v))
	}
	for _, v := range p.Evidence {
		b = le.AppendUint16(b, uint16(v))
	}
	for _, v := range p.Weights {
		b = le.AppendUint16(b, uint16(v))
	}
	return le.AppendUint32(b, crc32.ChecksumIEEE(b[from:]))
}

// Parse reads a model's file.
func Parse(b []byte) (*Model, error) {
	le := binary.LittleEndian
	if len(b) < header+4 || string(b[:4]) != magic {
		return nil, errors.New("read the model of drawn names: it does not begin as one; make it with go run ./hack/dgatrain")
	}
	if v := le.Uint16(b[4:]); v != version {
		return nil, fmt.Errorf("read the model of drawn names: it has version %d, this program reads %d; make it anew with go run ./hack/dgatrain", v, version)
	}
	if bins, n := le.Uint16(b[6:]), le.Uint32(b[8:]); bins != Bins || n != Weights || len(b) != header+2*Bins+2*Weights+4 {
		return nil, fmt.Errorf("read the model of drawn names: %d bins, %d weights and %d bytes, want %d, %d and %d", bins, n, len(b), Bins, Weights, header+2*Bins+2*Weights+4)
	}
	body := b[:len(b)-4]
	if le.Uint32(b[len(body):]) != crc32.ChecksumIEEE(body) {
		return nil, errors.New("read the model of drawn names: its checksum is wrong, the file is damaged")
	}
	p := &Params{Scale: int32(le.Uint32(b[12:])), Bias: int32(le.Uint32(b[16:])), First: int32(le.Uint32(b[20:])), Step: int32(le.Uint32(b[24:]))}
	rest := body[header:]
	for i := range p.Evidence {
		p.Evidence[i] = int16(le.Uint16(rest[2*i:]))
	}
	rest = rest[2*Bins:]
	p.Weights = make([]int16, Weights)
	for i := range p.Weights {
		p.Weights[i] = int16(le.Uint16(rest[2*i:]))
	}
	return New(p)
}

// Judges reports whether a label, in lower case, is one whose letters say
// anything: long enough, and not the ASCII form of other scripts.
func Judges(label string) bool {
	return len(label) >= Shortest && len(label) <= maxLabel && !strings.HasPrefix(label, "xn--")
}

// Score is how much a label, in lower case, looks drawn: the log of its odds in
// training, in 1/1024 nat. It is no probability where the model was not trained.
func (m *Model) Score(label string) int32 {
	if len(label) > maxLabel {
		label = label[:maxLabel]
	}
	var slots [maxGrams]uint32
	n := grams(label, &slots)
	sum := int64(0)
	for _, slot := range slots[:n] {
		sum += int64(m.weights[slot])
	}
	return int32(m.bias + sum*m.scale[n]>>16)
}

// Evidence is what a score says for a drawn name and against an ordinary one, in
// 1/1024 nat: the log of how much likelier it is of the one than of the other.
func (m *Model) Evidence(score int32) int32 {
	bin := (int64(score) - m.first + m.step - 1) / m.step
	return int32(m.evidence[min(max(bin, 0), Bins-1)])
}

// Grams returns the slots of a label's n-grams: of it between two marks, all runs
// of one to four characters but the marks alone.
func Grams(label string) []uint32 {
	var slots [maxGrams]uint32
	n := grams(label[:min(len(label), maxLabel)], &slots)
	return append([]uint32(nil), slots[:n]...)
}

// grams hashes with FNV-1a and a stir, since the high bits choose the slot.
func grams(label string, slots *[maxGrams]uint32) (n int) {
	const most = 4
	var text [maxLabel + 2]byte
	end := copy(text[1:], label) + 2
	text[0], text[end-1] = '^', '$'
	for i := range text[:end] {
		h := uint32(2166136261)
		for j, c := range text[i:min(i+most, end)] {
			h = (h ^ uint32(c)) * 16777619
			if j == 0 && (i == 0 || i == end-1) {
				continue
			}
			s := (h ^ h>>15) * 0x2c1b3c6d
			slots[n] = uint32(uint64(s^s>>13) * Weights >> 32)
			n++
		}
	}
	return n
}
