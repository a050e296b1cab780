package console

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// BenchmarkStoredRelease is a stored release as the API gives it and as a page shows it:
// the difference is what the console adds.
func BenchmarkStoredRelease(b *testing.B) {
	s, d := site(b)
	mine := d.add("insurer-a", severity())
	for name, path := range map[string]string{"json": "/v1/releases/" + mine.ID, "page": "/console/requests/" + mine.ID} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				r := httptest.NewRequest(http.MethodGet, path, nil)
				r.Header.Set("Authorization", "Bearer token-a")
				w := httptest.NewRecorder()
				s.Config.Handler.ServeHTTP(w, r)
				if w.Code != http.StatusOK {
					b.Fatal(w.Code)
				}
			}
		})
	}
}
