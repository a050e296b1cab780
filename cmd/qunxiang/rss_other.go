//go:build !linux

package main

// rssUnit is what getrusage counts peak memory in, in bytes.
const rssUnit = 1
