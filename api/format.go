package api

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"slices"
	"strconv"
	"strings"
)

// Format is a form in which a release is handed out.
type Format string

// The formats, also the extensions that ask for them.
const (
	JSON    Format = "json"    // the stored bytes
	CSV     Format = "csv"     // RFC 4180
	Arrow   Format = "arrow"   // Arrow IPC stream
	Parquet Format = "parquet" // Apache Parquet
	XLSX    Format = "xlsx"    // a workbook with a cover (ISO/IEC 29500)
)

// Encoder writes a table in one format.
type Encoder func(w io.Writer, t *TableData) error

// formats are all of them, the preferred first.
var formats = []Format{JSON, CSV, Arrow, Parquet, XLSX}

// media are the media types of the formats.
var media = map[Format]string{
	JSON:    "application/json",
	CSV:     "text/csv",
	Arrow:   "application/vnd.apache.arrow.stream",
	Parquet: "application/vnd.apache.parquet",
	XLSX:    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}

// contentType is what a response in the format says it is.
func (f Format) contentType() string {
	if f == CSV {
		return "text/csv; charset=utf-8; header=present"
	}
	return media[f]
}

// Own gives the encoder of a format this package writes by itself: CSV and XLSX.
func (f Format) Own() (Encoder, bool) {
	switch f {
	case CSV:
		return WriteCSV, true
	case XLSX:
		return WriteXLSX, true
	}
	return nil, false
}

var errNotAcceptable = errors.New("not a format that is served")

// pickFormat takes the format of an extension, which "" is not, or else the best
// one an Accept header allows (RFC 9110 section 12.5.1). No header means JSON.
func pickFormat(extension, accept string) (Format, error) {
	if extension != "" {
		if f := Format(extension); slices.Contains(formats, f) {
			return f, nil
		}
		return "", fmt.Errorf("%w", errNotAcceptable)
	}
	if strings.TrimSpace(accept) == "" {
		return JSON, nil
	}
	best, weight := Format(""), 0.0
	for _, f := range formats {
		if q := quality(accept, media[f]); q > weight {
			best, weight = f, q
		}
	}
	if best == "" {
		return "", fmt.Errorf("%w", errNotAcceptable)
	}
	return best, nil
}

// quality is the weight of a media type in an Accept header: that of the most
// exact range it falls in.
func quality(accept, media string) float64 {
	weight, exactness := 0.0, 0
	whole, _, _ := strings.Cut(media, "/")
	for part := range strings.SplitSeq(accept, ",") {
		name, params, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		exact := 0
		switch name {
		case media:
			exact = 3
		case whole + "/*":
			exact = 2
		case "*/*":
			exact = 1
		}
		if exact <= exactness {
			continue
		}
		q := 1.0
		if text, ok := params["q"]; ok {
			if q, err = strconv.ParseFloat(text, 64); err != nil || !(q >= 0 && q <= 1) {
				continue
			}
		}
		weight, exactness = q, exact
	}
	return weight
}
