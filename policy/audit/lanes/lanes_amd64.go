//go:build cgo

package lanes

/*
#cgo CFLAGS: -O3
#cgo noescape qunxiang_sm3_lanes
#cgo nocallback qunxiang_sm3_lanes
#include <stdint.h>
int qunxiang_sm3_wide(void);
void qunxiang_sm3_lanes(uint32_t *state, const uint8_t *buf, const int64_t *at, int64_t blocks);
*/
import "C"

import "unsafe"

// wide says whether this processor hashes eight messages beside one another.
func wide() bool { return C.qunxiang_sm3_wide() != 0 }

// compress takes so many blocks of every lane in. All of them lie in buf.
func compress(l *lanes, buf []byte, blocks int64) {
	C.qunxiang_sm3_lanes((*C.uint32_t)(unsafe.Pointer(&l.state)), (*C.uint8_t)(unsafe.Pointer(unsafe.SliceData(buf))),
		(*C.int64_t)(unsafe.Pointer(&l.at)), C.int64_t(blocks))
}
