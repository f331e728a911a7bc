package openaicompat

import (
	"encoding/json"
	"io"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"inferd/engine"
)

func TestEmbed(t *testing.T) {
	f := func(dimensions uint32, wantBody map[string]any) {
		t.Helper()
		base := upstream(t, func(w http.ResponseWriter, r *http.Request) {
			var body map[string]any
			if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
				t.Error(err)
			}
			if r.URL.Path != "/v1/embeddings" || r.Header.Get("Authorization") != "Bearer k" {
				t.Errorf("asked %s with %v", r.URL.Path, r.Header)
			}
			if diff := cmp.Diff(wantBody, body); diff != "" {
				t.Error(diff)
			}
			_, _ = io.WriteString(w, `{"object":"list","model":"e5","data":[`+
				`{"index":1,"embedding":[0.5,-1]},{"index":0,"embedding":[0.25,1]}],`+
				`"usage":{"prompt_tokens":11.0,"total_tokens":11}}`)
		})
		e := newEngine(t, Options{BaseURL: base, APIKey: "k", Embed: true})
		got, err := e.Embed(t.Context(), []string{"hello", "world!"}, dimensions)
		want := Embeddings{Vectors: [][]float32{{0.25, 1}, {0.5, -1}}, Model: "e5", Tokens: 11}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%v\n%s", err, diff)
		}
	}
	inputs := []any{"hello", "world!"}
	f(0, map[string]any{"model": "m", "input": inputs, "encoding_format": "float"})
	f(2, map[string]any{
		"model": "m", "input": inputs, "encoding_format": "float", "dimensions": 2.0,
	})
}

func TestEmbed_Failure(t *testing.T) {
	f := func(status int, body string, kind engine.Kind, want string) {
		t.Helper()
		base := upstream(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		})
		_, err := newEngine(t, Options{BaseURL: base}).Embed(t.Context(), []string{"a", "b"}, 2)
		wantRefusal(t, err, kind, want)
	}
	f(500, "boom", engine.Unavailable, "upstream HTTP 500: boom")
	f(400, "too long", engine.Invalid, "upstream HTTP 400: too long")
	f(200, "<html>", engine.Unavailable, "not the JSON")
	f(200, `{"error":{"message":"no","code":400}}`, engine.Invalid, "reported an error: no")
	f(200, `{"data":{}}`, engine.Unavailable, "not the JSON")
	f(200, `{"data":[{"index":"0"},{}]}`, engine.Unavailable, "not the JSON")
	f(200, `{"data":null,"error":"gone"}`, engine.Unavailable, "reported an error: gone")
	f(200, `{"data":null}`, engine.Unavailable, "not one vector for each input")
	f(200, `{"data":[]}`, engine.Unavailable, "not one vector for each input")
	f(200, `{"data":[{"index":0},{"index":1},{"index":2}]}`,
		engine.Unavailable, "not one vector for each input")
	f(200, `{"data":[{"index":0,"embedding":[1,2]},{"index":0,"embedding":[1,2]}]}`,
		engine.Unavailable, "given twice")
	f(200, `{"data":[{"index":0,"embedding":[1,2]},{"index":2,"embedding":[1,2]}]}`,
		engine.Unavailable, "out of range")
	f(200, `{"data":[{"index":0,"embedding":[1,2]},{"index":1,"embedding":[1]}]}`,
		engine.Unavailable, "differ in length")
	f(200, `{"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":[1]}]}`,
		engine.Unavailable, "dimensions asked for")
	f(200, `{"data":[{"index":0,"embedding":[]},{"index":1,"embedding":[]}]}`,
		engine.Unavailable, "empty")
}

func TestEmbedStall(t *testing.T) {
	base := upstream(t, func(_ http.ResponseWriter, r *http.Request) { hang(r) })
	e := newEngine(t, Options{BaseURL: base, FirstTokenTimeout: soon})
	_, err := e.Embed(t.Context(), []string{"a"}, 0)
	wantRefusal(t, err, engine.Unavailable, "no token within 30ms")
}
