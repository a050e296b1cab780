package dataset

import (
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
)

// encodingOf returns the decoder of a text encoding; nil for UTF-8, which the
// engine reads and checks itself.
func encodingOf(name string) (encoding.Encoding, bool) {
	switch name {
	case "utf-8", "utf8":
		return nil, true
	case "gb18030", "gbk", "gb2312":
		return simplifiedchinese.GB18030, true // a superset of the other two
	case "latin-1", "iso-8859-1":
		return charmap.ISO8859_1, true
	case "utf-16":
		return unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), true
	}
	return nil, false
}
