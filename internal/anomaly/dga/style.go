package dga

import "strings"

// Style says in words how labels look, for who reads of them.
func Style(labels []string) string {
	var letters, digits, hex, hyphens, vowels, turns, all int
	for _, l := range labels {
		last := byte(0)
		for i := range len(l) {
			c := l[i]
			all++
			switch {
			case c >= '0' && c <= '9':
				digits++
			case c >= 'a' && c <= 'z':
				letters++
			default:
				hyphens++
			}
			if c >= '0' && c <= '9' || c >= 'a' && c <= 'f' {
				hex++
			}
			if strings.IndexByte("aeiouy", c) >= 0 {
				vowels++
			}
			if i > 0 && isVowel(c) != isVowel(last) {
				turns++
			}
			last = c
		}
	}
	switch steps := all - len(labels); {
	case all == 0:
		return "no names"
	case hex == all && digits > 0:
		return "hexadecimal digits"
	case digits*12 > all:
		return "letters and digits"
	case hyphens*12 > all:
		return "parts with hyphens"
	case turns*100 > steps*85:
		return "consonants and vowels in turn"
	case vowels*100 > letters*32 && turns*100 > steps*62:
		return "words or syllables"
	}
	return "letters as drawn at random"
}

func isVowel(c byte) bool { return strings.IndexByte("aeiouy", c) >= 0 }
