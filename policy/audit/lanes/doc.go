// Package lanes hashes many short messages by SM3 (GB/T 32905-2016), eight beside one
// another, for whoever has a whole log to hash. One message hashed alone leaves most of a
// processor idle, because each step of SM3 waits for the one before.
//
// Where the processor cannot do it (it needs AVX2, and cgo in the build), the messages are
// hashed one after another by github.com/emmansun/gmsm, with which the tests compare it.
//
// It imports nothing of this module.
package lanes
