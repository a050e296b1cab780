package child_test

func misbehaviours() map[string]func() { return nil }
func misbehave(f func()) int           { return 1 }
func parent(args []string) int         { return 1 }
