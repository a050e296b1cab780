package sandbox

// foreign is empty: this processor has one interface.
func foreign() map[string]func() error { return nil }
