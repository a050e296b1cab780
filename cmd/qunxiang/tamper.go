package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
)

// cheapen makes the first charge of a log look as if it had cost less, and
// mends the record's checksum as a clever forger would.
func cheapen(wal []byte) ([]byte, error) {
	wal = bytes.Clone(wal)
	table := crc32.MakeTable(crc32.Castagnoli)
	for at := 0; at+8 <= len(wal); {
		size := int(binary.BigEndian.Uint32(wal[at:]))
		if at+8+size > len(wal) {
			break
		}
		leaf := wal[at+8 : at+8+size]
		const mark = `"rho":"`
		if i := bytes.Index(leaf, []byte(mark)); i >= 0 && bytes.Contains(leaf, []byte(`"type":"CHARGE"`)) {
			digit := &leaf[i+len(mark)]
			if *digit == '1' {
				*digit = '2' // one digit of any other value will do
			} else {
				*digit = '1'
			}
			sum := crc32.Update(crc32.Checksum(wal[at:at+4], table), table, leaf)
			binary.BigEndian.PutUint32(wal[at+4:], sum)
			return wal, nil
		}
		at += 8 + size
	}
	return nil, errors.New("there is no charge to tamper with")
}
