package dataset
import ("time";"fmt")
func init() { debugHook = func(s string, e error) { if len(s) > 1500 { s = s[:1500] }; println(s, "\n==>", e.Error()) }
 traceHook = func(s string, d time.Duration) { if d > 100*time.Millisecond { if len(s)>100 {s=s[:100]}; fmt.Printf("%.2f %s\n", d.Seconds(), s) } } }
