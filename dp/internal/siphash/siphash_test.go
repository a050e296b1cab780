package siphash

import (
	"encoding/binary"
	"encoding/hex"
	"testing"

	"pgregory.net/rapid"
)

// The authors' vectors for SipHash-2-4: key 00..0f, input 00..(n-1) for n from
// 0 to 63, output as eight bytes.
var vectors = [64]string{
	"310e0edd47db6f72", "fd67dc93c539f874", "5a4fa9d909806c0d", "2d7efbd796666785",
	"b7877127e09427cf", "8da699cd64557618", "cee3fe586e46c9cb", "37d1018bf50002ab",
	"6224939a79f5f593", "b0e4a90bdf82009e", "f3b9dd94c5bb5d7a", "a7ad6b22462fb3f4",
	"fbe50e86bc8f1e75", "903d84c02756ea14", "eef27a8e90ca23f7", "e545be4961ca29a1",
	"db9bc2577fcc2a3f", "9447be2cf5e99a69", "9cd38d96f0b3c14b", "bd6179a71dc96dbb",
	"98eea21af25cd6be", "c7673b2eb0cbf2d0", "883ea3e395675393", "c8ce5ccd8c030ca8",
	"94af49f6c650adb8", "eab8858ade92e1bc", "f315bb5bb835d817", "adcf6b0763612e2f",
	"a5c91da7acaa4dde", "716595876650a2a6", "28ef495c53a387ad", "42c341d8fa92d832",
	"ce7cf2722f512771", "e37859f94623f3a7", "381205bb1ab0e012", "ae97a10fd434e015",
	"b4a31508beff4d31", "81396229f0907902", "4d0cf49ee5d4dcca", "5c73336a76d8bf9a",
	"d0a704536ba93e0e", "925958fcd6420cad", "a915c29bc8067318", "952b79f3bc0aa6d4",
	"f21df2e41d4535f9", "87577519048f53a9", "10a56cf5dfcd9adb", "eb75095ccd986cd0",
	"51a9cb9ecba312e6", "96afadfc2ce666c7", "72fe52975a4364ee", "5a1645b276d592a1",
	"b274cb8ebf87870a", "6f9bb4203de7b381", "eaecb2a30b22a87f", "9924a43cc1315724",
	"bd838d3aafbf8db7", "0b1a2a3265d51aea", "135079a3231ce660", "932b2846e4d70666",
	"e1915f5cb1eca46c", "f325965ca16d629f", "575ff28e60381be5", "724506eb4c328a95",
}

func key() Key {
	var b [16]byte
	for i := range b {
		b[i] = byte(i)
	}
	return NewKey(b)
}

func TestReferenceVectors(t *testing.T) {
	var in [64]byte
	for n := range vectors {
		in[n] = byte(n)
		var out [8]byte
		binary.LittleEndian.PutUint64(out[:], Bytes(key(), in[:n]))
		if got := hex.EncodeToString(out[:]); got != vectors[n] {
			t.Errorf("input of %d bytes: %s, want %s", n, got, vectors[n])
		}
	}
}

func TestWordsEqualBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := Key{rapid.Uint64().Draw(t, "k0"), rapid.Uint64().Draw(t, "k1")}
		words := rapid.SliceOfN(rapid.Uint64(), 0, 40).Draw(t, "words")
		s, raw := New(k), []byte{}
		for _, w := range words {
			s = s.Word(w)
			raw = binary.LittleEndian.AppendUint64(raw, w)
		}
		if s.Sum() != Bytes(k, raw) {
			t.Fatal("hash by words differs from hash by bytes")
		}
		if w := rapid.Uint64().Draw(t, "last"); s.SumWord(w) != s.Word(w).Sum() {
			t.Fatal("SumWord differs from Word and Sum")
		}
	})
}
