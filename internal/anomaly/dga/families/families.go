// Package families draws names as families of malware do, for tests: no model is
// trained on them, they are what one is measured with.
//
// The algorithms are those of published descriptions (the reports that the
// DGArchive of Fraunhofer FKIE and the collection of J. Bader cite); they and
// their constants are facts, the code is ours. A family whose name ends in -like
// draws in the same way from other words or numbers.
package families

import (
	"crypto/md5"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"math/bits"
	"strings"
)

// Family is one way of drawing names.
type Family struct {
	Name string
	// Words are families that put whole words or parts of them together.
	Words bool
	// Draw returns the labels of so many names, those of one day first.
	Draw func(n int) []string
}

const (
	year, month, dayOf = 2026, 5, 14
	letters            = "abcdefghijklmnopqrstuvwxyz"
)

// All are the families, those of words last.
func All() []Family {
	return []Family{
		{"banjori", false, banjori}, {"bumblebee-like", false, bumblebee}, {"chinad", false, chinad}, {"corebot", false, corebot},
		{"dircrypt", false, dircrypt}, {"fobber", false, fobber}, {"kraken", false, kraken}, {"locky", false, locky}, {"m0yv", false, m0yv},
		{"monerodownloader", false, monero}, {"murofet", false, murofet}, {"murofet2", false, murofet2}, {"mydoom-like", false, mydoom}, {"necurs", false, necurs},
		{"newgoz", false, newgoz}, {"pushdo", false, pushdo}, {"pykspa", false, pykspa}, {"qadars", false, qadars}, {"qakbot", false, qakbot},
		{"ramnit", false, ramnit}, {"ranbyus", false, ranbyus}, {"simda", false, simda}, {"sisron", false, sisron}, {"tinba", false, tinba}, {"zloader", false, zloader},
		{"suppobox-like", true, suppobox}, {"gozi-like", true, gozi}, {"matsnu-like", true, matsnu}, {"nymaim2-like", true, nymaim2}, {"ngioweb-like", true, ngioweb},
	}
}

// times calls a drawing function n times.
func times(n int, f func(i int) string) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = f(i)
	}
	return out
}

// word draws letters by numbers.
func word(n int, alphabet string, next func() uint32) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[next()%uint32(len(alphabet))]
	}
	return string(b)
}

// lcg is a linear congruential generator.
func lcg(r, a, c uint32) func() uint32 {
	return func() uint32 { r = a*r + c; return r }
}

// minstd is the generator of Park and Miller by Schrage's method, without the
// step that keeps it positive, as malware has it.
func minstd(r uint32) (next func() uint32, state *uint32) {
	return func() uint32 { r = 16807*(r%127773) - 2836*(r/127773); return r }, &r
}

func banjori(n int) []string {
	d := []byte("earnestnessbiophysicalohax")
	low := func(v int) byte { return byte('a' + (v-'a')%26) }
	return times(n, func(int) string {
		out := string(d)
		d[0] = low(int(d[0]) + int(d[3]))
		d[1] = low(int(d[0]) + 2*int(d[1]))
		d[2] = low(int(d[0]) + int(d[2]) - 1)
		d[3] = low(int(d[1]) + int(d[2]) + int(d[3]))
		return out
	})
}

// bumblebee-like: 11 characters of letters and digits.
func bumblebee(n int) []string {
	next := lcg(0x4e3, 214013, 2531011)
	return times(n, func(int) string {
		return word(11, letters+"0123456789", func() uint32 { return next() >> 16 })
	})
}

func chinad(n int) []string {
	return times(n, func(i int) string {
		seed := make([]byte, 16)
		seed[0], seed[1], seed[2], seed[3] = byte((year+i/256)%100), month, dayOf, byte(i)
		h := sha1.Sum(seed)
		var b [16]byte
		for k := range b {
			b[k] = (letters + "0123456789")[int(h[k/4*4+3-k%4])%36]
		}
		return string(b[:])
	})
}

func corebot(n int) []string {
	next := lcg(0x1DBA8930+year+(1<<16+month<<8|dayOf), 1664525, 1013904223)
	return times(n, func(int) string { return word(int(12+next()%12), "abcdefghijklmnopqrstuvwxy012345678", next) })
}

func dircrypt(n int) []string {
	next, _ := minstd(0x6F6D7A2D)
	return times(n, func(int) string { return word(int(8+next()%13), letters, next) })
}

func fobber(n int) []string {
	r := uint32(0x851A3E59)
	return times(n, func(int) string {
		return word(10, letters, func() uint32 {
			r = bits.RotateLeft32(321167*r-1916503263, -16)
			return r & 0x17FF
		})
	})
}

func kraken(n int) []string {
	return times(n, func(i int) string {
		r := uint32(3*i + 24938314)
		next := func() uint32 {
			r = 1103515245*r + 12435
			return r / 256 % 32768
		}
		for range 3 + i%5 {
			r = next()
		}
		a, b, c := next(), next(), next()
		return word(int((a*b+c)%6+7), letters, next)
	})
}

func locky(n int) []string {
	const shift, seed, factor, add = 7, 7077, 0xB11924E1, 0x27100001
	ror := func(v uint32) uint32 { return bits.RotateLeft32(factor*v, -shift) }
	return times(n, func(i int) string {
		k := uint32(0)
		for y := range uint32(7) {
			t1 := (ror(year+y+k+0x1BF5) + add) ^ k
			t3 := (ror(t1+seed) + add) ^ t1
			t5 := 0xD8EFFFFF - ror(dayOf/2+t3) + t3
			t7 := t5 + ror(month+t5-0x65CAD) + add
			k = (ror(t7+bits.RotateLeft32(seed, 17)+bits.RotateLeft32(uint32(i), 21)) + add) ^ t7
		}
		b := make([]byte, k%11+7)
		for j := range b {
			k = ror(bits.RotateLeft32(k, j)) + add
			b[j] = byte('a' + k%25)
		}
		return string(b)
	})
}

func m0yv(n int) []string {
	return times(n, func(i int) string {
		next := lcg(0x02484A18^uint32(i), 214013, 2531011)
		draw := func() uint32 { return next() >> 16 & 0x7FFF }
		return word(int(5+draw()%5), letters, draw)
	})
}

func monero(n int) []string {
	return times(n, func(i int) string {
		h := md5.Sum(fmt.Appendf(nil, "jkhhksugrhtijys78g46-%d-%d", 20587, i+1))
		return hex.EncodeToString(h[:])[:13]
	})
}

func murofet(n int) []string {
	return times(n, func(i int) string {
		seed := []byte{(year + 0x30) & 0xFF, month, dayOf / 7 * 7}
		h := md5.Sum(binary.LittleEndian.AppendUint32(seed, uint32(i)))
		var b []byte
		for _, m := range h {
			d, c := m&0x1F+'a', m>>3+'a'
			if d == c {
				continue
			}
			if d <= 'z' {
				b = append(b, d)
			}
			if c <= 'z' {
				b = append(b, c)
			}
		}
		return string(b)
	})
}

func murofet2(n int) []string {
	return times(n, func(i int) string {
		h := md5.Sum(binary.LittleEndian.AppendUint32([]byte{(year + 0x30) & 0xFF, month, dayOf, 0}, uint32(2*i)))
		var b []byte
		for _, m := range h {
			if c := m&0xF + m>>4 + 'a'; c <= 'z' {
				b = append(b, c)
			}
		}
		return string(b)
	})
}

// mydoom-like: ten of ten letters.
func mydoom(n int) []string {
	next := lcg(0x3521, 1103515245, 12345)
	return times(n, func(int) string { return word(10, "aeqpsmnwrh", func() uint32 { return next() >> 16 }) })
}

func necurs(n int) []string {
	stir := func(v uint64) uint64 {
		loops := v&0x7F + 21
		for i := range loops {
			v += (v*7 ^ v<<15) + 8*i - v>>5
		}
		return v
	}
	return times(n, func(i int) string {
		v := stir(stir(stir(stir(stir(year)+month+43690)+dayOf>>2)+uint64(i)) + 9)
		b := make([]byte, v%15+7)
		for k := range b {
			v = stir(v + uint64(k))
			b[k] = byte('a' + v%25)
			v = stir(v + 0xABBEDF)
		}
		return string(b)
	})
}

func newgoz(n int) []string {
	return times(n, func(i int) string {
		le := binary.LittleEndian
		key := []byte{1, 5, 0x19, 0x35}
		seed := le.AppendUint16(le.AppendUint32(nil, uint32(i)), year)
		seed = append(le.AppendUint16(append(seed, key...), month), key...)
		h := md5.Sum(append(le.AppendUint16(seed, dayOf), key...))
		out := ""
		for k := 0; k < 16; k += 4 {
			v, part := le.Uint32(h[k:]), ""
			for range 7 {
				part = string("0123456789"[min(v%36, 9)]) + part
				if v%36 > 9 {
					part = string(letters[v%36-10]) + part[1:]
				}
				if v /= 36; v == 0 {
					break
				}
			}
			out += part
		}
		return out
	})
}

func pushdo(n int) []string {
	r := uint32(year*365 + month*30 + dayOf)
	return times(n, func(int) string {
		h := md5.Sum(binary.LittleEndian.AppendUint32(nil, r))
		r = binary.LittleEndian.Uint32(h[:]) + 1
		length, out := int((r-1)&3)+9, ""
		for _, c := range h {
			v := "aeiou"[(c+1)%5]
			out += string("bcdfghjklmnpqrstvwx"[c%19]) + string(v)
			if p := c + 2; v == 'e' && p&7 != 0 {
				out += string("aio"[p%3])
			} else if p&1 != 0 {
				out += string("zxtsrqpnmlkgfdc"[(c+3)%15])
			}
			if len(out) >= length {
				break
			}
		}
		return out[:min(length, len(out))]
	})
}

func pykspa(n int) []string {
	r := uint32(10293)
	return times(n, func(i int) string {
		r = r*r + uint32(i)
		length, v := r%10+6, r
		a, out := length*length, make([]byte, length)
		for k := range uint32(length) {
			out[k] = byte('a' + (a+v*(v%5+v%123456+k*(v%4567+v%19)))%26)
			v += k
			v >>= k * k & 31
			a += length
		}
		return string(out)
	})
}

func qadars(n int) []string {
	const seed = 0xE08A
	r := uint32(1778716800)
	return times(n, func(int) string {
		out := word(12, letters+"0123456789", func() uint32 {
			r = (seed - 1043968403*r) & 0x7FFFFFFF
			return r
		})
		r = (seed - 1043968403*r) & 0x7FFFFFFF
		return out
	})
}

func qakbot(n int) []string {
	next := twister(crc32.ChecksumIEEE([]byte("1.may.2026.00000000")))
	between := func(low, high int) int {
		return low + int(uint64(next()&0xFFFFFFF)*uint64(high-low+1)>>28)
	}
	return times(n, func(int) string {
		between(0, 5)
		b := make([]byte, between(8, 25))
		for i := range b {
			b[i] = letters[between(0, 25)]
		}
		return string(b)
	})
}

// twister is the Mersenne Twister MT19937.
func twister(seed uint32) func() uint32 {
	var s [624]uint32
	s[0] = seed
	for i := range uint32(623) {
		s[i+1] = 1812433253*(s[i]^s[i]>>30) + i + 1
	}
	at := len(s)
	return func() uint32 {
		if at == len(s) {
			for i := range s {
				y := s[i]&0x80000000 + s[(i+1)%624]&0x7fffffff
				s[i] = s[(i+397)%624] ^ y>>1 ^ y%2*0x9908b0df
			}
			at = 0
		}
		y := s[at]
		at++
		y ^= y >> 11
		y ^= y << 7 & 2636928640
		y ^= y << 15 & 4022730752
		return y ^ y>>18
	}
}

func ramnit(n int) []string {
	next, state := minstd(0x16647BB4)
	return times(n, func(int) string {
		first := *state
		length := int(next()%17 + 9)
		second := *state
		out := word(length, letters[:25], next)
		again := uint64(first) * uint64(second)
		*state = uint32(again + again>>32)
		return out
	})
}

func ranbyus(n int) []string {
	d, m, y, seed := uint32(dayOf), uint32(month), uint32(year), uint32(0xB6354BC3)
	return times(n, func(int) string {
		b := make([]byte, 14)
		for i := range b {
			d = d>>15 ^ 16*(d&0x1FFF^4*(seed^d))
			y = y&0xFFFFFFF0<<17 ^ (y^7*y)>>11
			m = 14*(m&0xFFFFFFFE) ^ (m^4*m)>>8
			seed = seed>>6 ^ (d+8*seed)<<8&0x3FFFF00
			b[i] = byte('a' + (d^m^y)%25)
		}
		return string(b)
	})
}

func simda(n int) []string {
	base, step := uint64(0x45AE94B2), uint64(0)
	for _, c := range []byte("1676d5775e05c50b46baa5579d4fc7") {
		step += uint64(c)
	}
	return times(n, func(int) string {
		base += step
		b := make([]byte, 7)
		for i := range b {
			if at := base / uint64(3+2*i); i%2 == 0 {
				b[i] = "qwrtpsdfghjklzxcvbnm"[at%20]
			} else {
				b[i] = "eyuioa"[at%6]
			}
		}
		return string(b)
	})
}

func sisron(n int) []string {
	return times(n, func(i int) string {
		date := fmt.Sprintf("%02d%02d%d", 1+i%28, 1+i/28%12, year-i/336)
		return strings.ReplaceAll(strings.ToLower(base64.StdEncoding.EncodeToString([]byte(date))), "=", "a")
	})
}

func tinba(n int) []string {
	seed, domain := []byte("oGkS3w3sGGOGG7oc"), []byte("ssrgwnrmgrxe.com")
	sum := byte(0)
	for _, c := range seed {
		sum += c
	}
	return times(n, func(int) string {
		at, s := seed[15], sum
		b := make([]byte, 12)
		for i := range b {
			for {
				at = (at+domain[i]^s)&0xFF + domain[i+1]
				if at > 'a' && at < 'z' {
					break
				}
				s++
			}
			b[i] = at
		}
		copy(domain, b)
		return string(b)
	})
}

func zloader(n int) []string {
	seed := uint32(0x5A17C3E9)
	r := seed
	return times(n, func(int) string {
		b := make([]byte, 20)
		for i := range b {
			b[i] = byte('a' + r%25)
			r = seed ^ (r + uint32(b[i]))
		}
		return string(b)
	})
}

// The word lists of the families below are other than theirs; how they put words
// together is the same.
func wordList() []string {
	return strings.Fields(`above afternoon against always apple basket become behind believe beside better between bottle bread bright broken brother building butter
	candle captain carry castle center century character chief children choose circle class clean climb close clothes cloud cold color common company complete
	condition continue corner cotton country course cover cross crowd dance danger daughter december decide degree desire desk different difficult dinner direct
	distance doctor double draw dream dress drink drive during early earth either electric english enough evening every except expect experience explain face fall
	family father favor fellow fence fight figure finger finish flower forest forget forward fresh friend garden gather general gentle glass ground group grow
	happen heart heavy history horse hunger hurry husband include indeed instead journey kitchen laugh leader letter likely listen little machine market matter
	measure member method middle minute modern mother mountain movement music nation nature needle neighbor noise nothing object office orange ordinary outside
	paper party people perhaps period picture plain plant pleasant position possible prepare present pretty probable problem produce promise proud public question
	quiet rather reason receive remember return river round sail school season second separate service several shoulder silver simple single sister smoke soldier
	something sound south spring square standard station still stone storm story straight strange stream street strength string strong student subject success sudden
	suffer summer surprise sweet table therefore though thought through together toward travel trouble understand valley various village visit weather welcome window
	winter wonder wrong yellow yesterday young`)
}

func suppobox(n int) []string {
	w := wordList()
	next := lcg(7, 214013, 2531011)
	pick := func() string { return w[next()>>16%uint32(len(w))] }
	return times(n, func(int) string { return pick() + pick() })
}

func gozi(n int) []string {
	w := wordList()
	next := lcg(9, 1664525, 1013904223)
	return times(n, func(int) string {
		length, out := int(12+next()>>16%12), ""
		for len(out) < length {
			v := w[next()>>16%uint32(len(w))]
			out += v[:min(len(v), int(2+next()>>16%6))]
		}
		return out[:length]
	})
}

func matsnu(n int) []string {
	w := wordList()
	next := lcg(11, 22695477, 1)
	return times(n, func(i int) string {
		out := ""
		for len(out) < 12+i%12 {
			out += w[next()>>16%uint32(len(w))]
			if next()>>16%3 == 0 {
				out += "-"
			}
		}
		return strings.Trim(out[:min(len(out), 24)], "-")
	})
}

func nymaim2(n int) []string {
	w := wordList()
	next := lcg(13, 1103515245, 12345)
	pick := func() string { return w[next()>>16%uint32(len(w))] }
	return times(n, func(int) string { return pick() + []string{"", "-"}[next()>>16%2] + pick() })
}

func ngioweb(n int) []string {
	starts, ends := strings.Fields("un re in over dis pre anti inter sub non de pro trans micro mini multi co"), strings.Fields("able ant ate age ary er ed ize ing ish ity ion ism ous ness ment ship ly ful")
	next := lcg(0x5397FB1, 1103515245, 12345)
	draw := func(m int) int { return int(next() >> 16 % uint32(m)) }
	return times(n, func(int) string {
		out := ""
		for part := range 1 + draw(3) {
			if part > 0 {
				out += "-"
			}
			out += starts[draw(len(starts))]
			for k := range 4 + draw(3) {
				out += string([]string{"bcdfghklmnprstvxz", "aeiou"}[k%2][draw(17-12*(k%2))])
			}
			out += ends[draw(len(ends))]
		}
		return out
	})
}
