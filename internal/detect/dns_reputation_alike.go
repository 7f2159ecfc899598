package detect

import (
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"github.com/vedette-project/vedette/internal/intel"
)

// dns_reputation_names.txt has the names that others imitate.
//
//go:embed dns_reputation_names.txt
var namesText string

var imitated = sync.OnceValue(func() map[string]bool {
	m := map[string]bool{}
	for line := range strings.Lines(namesText) {
		if line[0] != '#' {
			for _, name := range strings.Fields(line) {
				m[name] = true
			}
		}
	}
	return m
})

// nearNames are those long enough that few others are near to them, in order.
var nearNames = sync.OnceValue(func() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(imitated())), func(name string) bool { return len(name) < 6 })
})

// isLure reports whether a word is one of those with which false names promise
// safety, access or news.
func isLure(word string) bool {
	switch word {
	case "account", "accounts", "alert", "auth", "authenticate", "billing", "confirm", "confirmation", "invoice", "login", "logon", "password",
		"recover", "recovery", "secure", "secured", "security", "signin", "sso", "support", "unlock", "update", "updates", "updater", "upgrade",
		"validate", "validation", "verify", "verification", "wallet", "webmail":
		return true
	}
	return false
}

// likeness says whose name a label looks like.
type likeness struct {
	points int
	how    string // in a sentence
	lures  int    // words that promise
}

// The points of likenesses.
const (
	pointsForeign = 6 // letters of other alphabets
	pointsFolded  = 5 // digits or pairs in the place of letters
	pointsNear    = 3 // another letter, or an accent
	pointsInside  = 2 // the very name in a longer one, as owners have it, too
)

// likenessOf looks for the name that a label imitates.
func likenessOf(set *intel.Set, label string) likeness {
	if strings.HasPrefix(label, "xn--") {
		return foreignLikeness(set, label)
	}
	words := wordsOf(label)
	l := likeness{}
	for _, w := range words {
		if isLure(w) {
			l.lures++
		}
	}
	for _, w := range words {
		if p, how := wordLikeness(set, w, len(words) == 1); p > l.points {
			l.points, l.how = p, how
		}
	}
	return l
}

// wordLikeness compares one word of a label; alone says it has no others.
func wordLikeness(set *intel.Set, w string, alone bool) (points int, how string) {
	if len(w) < 5 || isLure(w) {
		return 0, ""
	}
	if imitated()[w] {
		if alone { // the owner's in another country, and the name of many others
			return 0, ""
		}
		return pointsInside, "has the name of " + w + " in it"
	}
	for _, plain := range unfold(w) {
		if plain != w && isFamous(set, plain) {
			return pointsFolded, fmt.Sprintf("looks like %s, with other characters (%s)", plain, w)
		}
	}
	if len(w) >= 6 {
		for _, name := range nearNames() {
			if name[0] == w[0] && oneEdit(name, w) { // plastic is no elastic
				return pointsNear, fmt.Sprintf("is one letter from %s (%s)", name, w)
			}
		}
	}
	return 0, ""
}

// isFamous reports whether a label without suffix is a name that others imitate,
// or the popular domain of its owner.
func isFamous(set *intel.Set, label string) bool {
	if imitated()[label] {
		return true
	}
	if len(label) < 6 {
		return false
	}
	_, com := set.PopularDomain(label + ".com")
	_, org := set.PopularDomain(label + ".org")
	return com || org
}

// wordsOf cuts a label at hyphens, and lures off the ends of what is left.
func wordsOf(label string) []string {
	var out []string
	for w := range strings.SplitSeq(label, "-") {
		if w == "" {
			continue
		}
		if !isLure(w) {
			for i := 4; i+4 <= len(w); i++ {
				if head, tail := w[:i], w[i:]; isLure(tail) && len(head) >= 5 {
					out, w = append(out, tail), head
					break
				} else if isLure(head) && len(tail) >= 5 {
					out, w = append(out, head), tail
					break
				}
			}
		}
		out = append(out, w)
	}
	return out
}

// unfold are the words that one with digits or pairs in the place of letters
// stands for.
func unfold(w string) []string {
	pairs := strings.NewReplacer("rn", "m", "vv", "w", "cl", "d").Replace(w)
	out := []string{pairs}
	if n := digitsIn(w); n > 0 && 3*n <= len(w) {
		for _, one := range []string{"l", "i"} {
			if one == "i" && w[0] == '1' { // 1cloud is the first
				continue
			}
			digits := strings.NewReplacer("0", "o", "1", one, "3", "e", "4", "a", "5", "s", "7", "t", "8", "b")
			out = append(out, digits.Replace(w), digits.Replace(pairs))
		}
	}
	return out
}

func digitsIn(w string) (n int) {
	for i := range len(w) {
		if w[i] >= '0' && w[i] <= '9' {
			n++
		}
	}
	return n
}

// oneEdit reports whether one letter more, less or other, or two that changed
// places, make one word of the other.
func oneEdit(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(b)-len(a) > 1 || a == b {
		return false
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	if len(a) < len(b) {
		return a[i:] == b[i+1:]
	}
	return a[i+1:] == b[i+1:] || i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:]
}

// foreignLikeness reads a label in punycode. Letters of other alphabets that
// look like Latin ones are Unicode's confusables.
func foreignLikeness(set *intel.Set, label string) likeness {
	text, err := idna.Punycode.ToUnicode(label)
	if err != nil {
		return likeness{}
	}
	plain, foreign := make([]byte, 0, len(text)), false
	for _, c := range text {
		switch latin, accent := latinOf(c); {
		case c < utf8.RuneSelf:
			plain = append(plain, byte(c))
		case latin == 0:
			return likeness{}
		default:
			plain, foreign = append(plain, latin), foreign || !accent
		}
	}
	l := likenessOf(set, string(plain))
	switch {
	case imitated()[string(plain)] || isFamous(set, string(plain)):
		l.points, l.how = pointsNear, fmt.Sprintf("is %s, which looks like %s", text, plain)
	case l.points > 0:
		l.how = fmt.Sprintf("is %s, and %s", text, l.how)
	default:
		return likeness{}
	}
	if foreign {
		l.points = pointsForeign
	}
	return l
}

// Letters, each with the Latin one that it looks like behind it.
const (
	foreignLetters  = "аaсcԁdеeɡgһhіiјjӏlοoоoрpԛqѕsυuνvѵvԝwхxуyαaιiκkкkρpτtтtмmнhвbıiǃlզqոnօoսuցgհh"
	accentedLetters = "àaáaâaãaäaåaāaăaąaçcćcčcďdđdèeéeêeëeēeėeęeěeğgģgìiíiîiïiīiįiķkļlľlłlñnńnňnņnòoóoôoõoöoøoōoőoŕrřrśsşsšsșsťtţtțtùuúuûuüuūuůuűuųuýyÿyźzżzžzạaẹeịiọoụu"
)

// latinOf is the Latin letter that a letter looks like, and whether it is the
// same one with an accent.
func latinOf(c rune) (latin byte, accent bool) {
	if l := after(foreignLetters, c); l != 0 {
		return l, false
	}
	return after(accentedLetters, c), true
}

// after is what stands behind a letter in a text of pairs, 0 if it is not there.
func after(pairs string, c rune) byte {
	i := strings.IndexRune(pairs, c)
	if i < 0 || c < utf8.RuneSelf {
		return 0
	}
	return pairs[i+utf8.RuneLen(c)]
}
