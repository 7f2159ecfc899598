package kernel

import "strconv"

const (
	maxDNSName = 255 // on the wire, RFC 1035 2.3.4
	// maxDNSJumps bounds the compression pointers of one name. They may lead
	// anywhere in the message, as some resolvers let them: a name that a
	// resolver can read must not be unreadable to us.
	maxDNSJumps = 32
)

// dnsName reads the name at off and returns it with the offset after it. The
// name is in lower case and without the final dot; the root is ".". Bytes that
// are not printable, and dots and backslashes within a label, are written \DDD
// as in a zone file, so that different names stay different and none of them
// can paint on a terminal.
func dnsName(b []byte, off int) (string, int, error) {
	var room [2 * maxDNSName]byte
	text := room[:0]
	after := -1 // the offset after the name where it began, once it jumped away
	wire, jumps := 1, 0
	for {
		if off >= len(b) {
			return "", 0, errDNSShort
		}
		n := int(b[off])
		off++
		switch n & 0xc0 {
		case 0x00:
			if n == 0 {
				if after < 0 {
					after = off
				}
				if len(text) == 0 {
					return ".", after, nil
				}
				return string(text), after, nil
			}
			if wire += 1 + n; wire > maxDNSName {
				return "", 0, errDNSName
			}
			if len(b)-off < n {
				return "", 0, errDNSShort
			}
			if len(text) > 0 {
				text = append(text, '.')
			}
			text = appendDNSLabel(text, b[off:off+n])
			off += n
		case 0xc0:
			if off >= len(b) {
				return "", 0, errDNSShort
			}
			to := n&0x3f<<8 | int(b[off])
			if after < 0 {
				after = off + 1
			}
			if jumps++; jumps > maxDNSJumps {
				return "", 0, errDNSName
			}
			off = to
		default:
			return "", 0, errDNSName
		}
	}
}

func appendDNSLabel(text, label []byte) []byte {
	for _, c := range label {
		switch {
		case 'A' <= c && c <= 'Z':
			text = append(text, c|0x20)
		case c <= ' ' || c > '~' || c == '.' || c == '\\':
			text = append(text, '\\', '0'+c/100, '0'+c/10%10, '0'+c%10)
		default:
			text = append(text, c)
		}
	}
	return text
}

// DNSType names a record type: A, AAAA, …, or TYPE and a number as in RFC 3597.
func DNSType(t uint16) string {
	switch t {
	case dnsA:
		return "A"
	case dnsNS:
		return "NS"
	case dnsCNAME:
		return "CNAME"
	case 6:
		return "SOA"
	case 10:
		return "NULL"
	case dnsPTR:
		return "PTR"
	case 13:
		return "HINFO"
	case dnsMX:
		return "MX"
	case dnsTXT:
		return "TXT"
	case dnsAAAA:
		return "AAAA"
	case dnsSRV:
		return "SRV"
	case 35:
		return "NAPTR"
	case dnsDNAME:
		return "DNAME"
	case 41:
		return "OPT"
	case 43:
		return "DS"
	case 46:
		return "RRSIG"
	case 47:
		return "NSEC"
	case 48:
		return "DNSKEY"
	case 50:
		return "NSEC3"
	case 52:
		return "TLSA"
	case dnsSVCB:
		return "SVCB"
	case dnsHTTPS:
		return "HTTPS"
	case 99:
		return "SPF"
	case 251:
		return "IXFR"
	case 252:
		return "AXFR"
	case 255:
		return "ANY"
	case 257:
		return "CAA"
	}
	return "TYPE" + strconv.Itoa(int(t))
}

// DNSRcode names a response code.
func DNSRcode(c uint8) string {
	names := [...]string{"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED",
		"YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH", "NOTZONE"}
	if int(c) < len(names) {
		return names[c]
	}
	return "RCODE" + strconv.Itoa(int(c))
}
